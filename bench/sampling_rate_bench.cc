// How many of its ticks does a sampling loop take on a machine whose CPUs are all busy, and how late?
//
// A hog at ordinary priority on every CPU. Beside our loop, with and without its real-time rights: a loop that does
// nothing at the same priority, which is what the machine allows, and the loops that meters are commonly built on. All
// read the same registers, which lie in memory; ours reads run time too, from the real switch log.
//
//   sampling_rate_bench [--seconds=10]     of each loop at each rate, in ten blocks
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <thread>

#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "base/posix.h"
#include "bench/interleave.h"
#include "bench/load.h"
#include "bench/paired.h"
#include "msr/rapl_reader.h"
#include "sampler/real_time.h"
#include "sampler/run_time_meter.h"
#include "sampler/sampling_loop.h"
#include "sampler/stalls.h"
#include "tests/fakes/host_builder.h"

namespace vrapl {
namespace {

constexpr int kRounds = 10;
constexpr int kReaderCpu = 0;

// Of one block.
struct Wakes {
  int64_t intended = 0;
  int64_t taken = 0;
  std::vector<int64_t> late_ns;
  int64_t missed_stolen = -1;  // -1: this loop does not know
};

// Which ticks of a grid the wakes of a foreign loop serve: each the latest one that has passed.
class Grid {
 public:
  Grid(int64_t start_ns, int64_t period_ns, Wakes& wakes)
      : next_ns_(start_ns + period_ns), period_ns_(period_ns), wakes_(wakes) {}
  void Woke(int64_t now_ns) {
    if (now_ns < next_ns_) return;  // the tick has been served
    wakes_.late_ns.push_back(now_ns - next_ns_);
    ++wakes_.taken;
    next_ns_ += ((now_ns - next_ns_) / period_ns_ + 1) * period_ns_;
  }

 private:
  int64_t next_ns_;
  int64_t period_ns_;
  Wakes& wakes_;
};

struct Registers {
  HostBuilder host{CpuVendor::kIntel, 6, 0x55};
  std::unique_ptr<EnergySource> source;
};

std::unique_ptr<Registers> MakeRegisters() {
  auto registers = std::make_unique<Registers>();
  for (const int cpu : OnlineCpus()) registers->host.AddCpu({.cpu = cpu, .core = cpu});
  std::string bytes(0x700, '\0');
  const auto set = [&](MsrAddress address, uint64_t value) { std::memcpy(&bytes[address], &value, sizeof value); };
  set(kMsrRaplPowerUnit, 0x000A0E03);
  for (const MsrAddress address : {kMsrPkgEnergyStatus, kMsrDramEnergyStatus}) set(address, 123'456 + address);
  registers->host.Write("/dev/cpu/0/msr", bytes);
  auto sources = OpenMsrSources(registers->host.root());
  if (!sources.ok()) {
    std::fprintf(stderr, "%s\n", sources.status().ToString().c_str());
    return nullptr;
  }
  registers->source = std::move(sources->front());
  return registers;
}

struct Setting {
  int64_t period_ns = 0;
  int64_t block_ns = 0;
  EnergySource& source;
  RunTimeMeter& meter;
};

// In a thread of its own on the reader's CPU; with its rights where `real_time`.
void OnReaderCpu(bool real_time, bool ours, const std::function<void()>& run) {
  std::thread([&] {
    PinTo(kReaderCpu);
    if (ours) WakeWithoutSlack();
    if (real_time && !UseRealTimePriority(kSamplerPriority).ok()) std::abort();
    run();
  }).join();
}

Wakes Ours(const Setting& setting, bool real_time) {
  Wakes wakes{.intended = setting.block_ns / setting.period_ns, .missed_stolen = 0};
  wakes.late_ns.reserve(static_cast<size_t>(wakes.intended) + 16);
  std::vector<CpuOnCore> cpus;
  for (const int cpu : setting.source.package().cpus) cpus.push_back({.cpu = cpu, .core = cpu});
  const std::unique_ptr<RunTimeSource> run_time = setting.meter.NewSource(cpus);
  SamplingLoop loop(setting.source, *run_time, RealClock(), {.period_ns = setting.period_ns});
  if (real_time && !LockMemory().ok()) std::abort();
  // The flush thread's part: empties the ring every 50 ms.
  std::atomic<bool> done = false;
  Stalls stalls(setting.period_ns);
  const auto drain = [&] {
    while (loop.ring().Pop([&](const Sample& sample) {
      wakes.late_ns.push_back(sample.header.late_ns);
      stalls.Add(sample.header);
    })) {
    }
  };
  std::thread drainer([&] {
    while (!done) {
      RealClock().SleepUntil(MonotonicNs() + 50 * kNanosPerMilli);
      drain();
    }
  });
  OnReaderCpu(real_time, /*ours=*/true, [&] {
    loop.Start();
    while (MonotonicNs() < loop.start_ns() + setting.block_ns - setting.period_ns) loop.Step();
  });
  done = true;
  drainer.join();
  drain();
  if (real_time) ::munlockall();
  const LatenessSummary lateness = loop.lateness();
  wakes.taken = static_cast<int64_t>(lateness.samples);
  wakes.intended = static_cast<int64_t>(lateness.samples + lateness.missed);
  wakes.missed_stolen = static_cast<int64_t>(stalls.summary().missed_stolen);
  return wakes;
}

// `wait` returns when the loop is to read.
Wakes Foreign(const Setting& setting, bool real_time, bool reads,
              const std::function<std::function<void()>(int64_t start_ns)>& make_wait) {
  Wakes wakes{.intended = setting.block_ns / setting.period_ns};
  wakes.late_ns.reserve(static_cast<size_t>(wakes.intended) + 16);
  OnReaderCpu(real_time, /*ours=*/false, [&] {
    const auto sample = std::make_unique<EnergySample>();
    const int64_t start_ns = MonotonicNs();
    Grid grid(start_ns, setting.period_ns, wakes);
    const std::function<void()> wait = make_wait(start_ns);
    for (int64_t now_ns = start_ns; now_ns < start_ns + setting.block_ns;) {
      wait();
      now_ns = MonotonicNs();
      if (now_ns < start_ns + setting.block_ns + setting.period_ns / 2) grid.Woke(now_ns);
      if (reads) setting.source.Read(*sample);
    }
  });
  wakes.taken = std::min(wakes.taken, wakes.intended);
  return wakes;
}

Wakes Absolute(const Setting& setting) {
  return Foreign(setting, /*real_time=*/true, /*reads=*/false, [&](int64_t start_ns) {
    return [deadline_ns = start_ns, period_ns = setting.period_ns]() mutable {
      deadline_ns += period_ns;
      // What has passed is missed, not made up for.
      if (const int64_t late_ns = MonotonicNs() - deadline_ns; late_ns > 0)
        deadline_ns += late_ns / period_ns * period_ns;
      RealClock().SleepUntil(deadline_ns);
    };
  });
}

Wakes RelativeSleep(const Setting& setting) {
  return Foreign(setting, /*real_time=*/false, /*reads=*/true,
                 [&](int64_t) { return [us = static_cast<useconds_t>(setting.period_ns / 1000)] { ::usleep(us); }; });
}

Wakes TimerFd(const Setting& setting) {
  const UniqueFd timer(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC));
  return Foreign(setting, /*real_time=*/false, /*reads=*/true, [&](int64_t start_ns) {
    const auto time = [](int64_t ns) {
      return timespec{.tv_sec = ns / kNanosPerSecond, .tv_nsec = ns % kNanosPerSecond};
    };
    const itimerspec every{.it_interval = time(setting.period_ns), .it_value = time(start_ns + setting.period_ns)};
    ::timerfd_settime(timer.get(), TFD_TIMER_ABSTIME, &every, nullptr);
    return [fd = timer.get()] {
      uint64_t expirations = 0;
      if (::read(fd, &expirations, sizeof expirations) != sizeof expirations) std::abort();
    };
  });
}

// Steal of all CPUs, in the kernel's ticks of 10 ms.
int64_t StolenTicks() {
  const std::string stat = ReadSmallFile("/proc/stat").value_or("");
  const std::vector<std::string> fields = absl::StrSplit(stat.substr(0, stat.find('\n')), ' ', absl::SkipEmpty());
  return fields.size() > 8 ? std::atoll(fields[8].c_str()) : 0;
}

struct Arm {
  const char* name;
  std::function<Wakes(const Setting&)> run;
  // Of all blocks:
  Wakes all{.missed_stolen = 0};
  int64_t stolen_ticks = 0;
  std::vector<double> p99_ns{};  // of each block
};

double Quantile(std::vector<int64_t>& values, double fraction) {
  if (values.empty()) return 0;
  const auto at = values.begin() + static_cast<long>(fraction * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), at, values.end());
  return static_cast<double>(*at);
}

void Measure(int64_t period_ns, double seconds, EnergySource& source, RunTimeMeter& meter) {
  const Setting setting{.period_ns = period_ns,
                        .block_ns = static_cast<int64_t>(seconds * 1e9) / kRounds,
                        .source = source,
                        .meter = meter};
  std::vector<Arm> arms = {{"vrapl, SCHED_FIFO and memory locked", [](const Setting& s) { return Ours(s, true); }},
                           {"vrapl, without these rights", [](const Setting& s) { return Ours(s, false); }},
                           {"empty loop, SCHED_FIFO: the floor", Absolute},
                           {"relative sleep (usleep) and read", RelativeSleep},
                           {"timerfd and read", TimerFd}};
  std::vector<double> control_p99_ns;
  Interleave(kRounds, arms.size(), [&](size_t way, size_t column) {
    Arm& arm = arms[way];
    const int64_t stolen = StolenTicks();
    Wakes wakes = arm.run(setting);
    const double p99_ns = Quantile(wakes.late_ns, 0.99);
    if (column != way) {
      control_p99_ns.push_back(p99_ns);
      return;
    }
    arm.stolen_ticks += StolenTicks() - stolen;
    arm.p99_ns.push_back(p99_ns);
    arm.all.intended += wakes.intended;
    arm.all.taken += wakes.taken;
    arm.all.missed_stolen = wakes.missed_stolen < 0 ? -1 : arm.all.missed_stolen + wakes.missed_stolen;
    arm.all.late_ns.insert(arm.all.late_ns.end(), wakes.late_ns.begin(), wakes.late_ns.end());
  });
  const auto ratios = [](const std::vector<double>& values, const std::vector<double>& to) {
    std::vector<double> all;
    for (size_t i = 0; i < values.size(); ++i) all.push_back(values[i] / to[i]);
    return all;
  };
  const Spread control = MedianOf(ratios(control_p99_ns, arms.front().p99_ns), 1, 0.99);
  const bool sound = control.low <= 1 && 1 <= control.high;
  std::printf("%s, a hog on each of %zu CPUs, %.0f s of each in %d blocks:\n\n",
              period_ns == kNanosPerMilli ? "1 kHz" : "10 kHz", OnlineCpus().size(), seconds, kRounds);
  std::printf(
      "| loop | ticks taken | of | missed | of them for steal, at most | p50 us | p99 us | p99.9 us | max us | "
      "steal, ms/s | p99 of a block, to the first [95 %%] |\n"
      "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n");
  for (Arm& arm : arms) {
    std::vector<int64_t>& late = arm.all.late_ns;
    const std::string stolen = arm.all.missed_stolen < 0 ? "not known" : absl::StrFormat("%d", arm.all.missed_stolen);
    const std::string ratio = !sound             ? "not told"
                              : &arm == &arms[0] ? "1"
                                                 : Describe(MedianOf(ratios(arm.p99_ns, arms.front().p99_ns)), 2);
    std::printf("| %s | %lld | %lld | %lld | %s | %.1f | %.1f | %.1f | %.1f | %.0f | %s |\n", arm.name,
                static_cast<long long>(arm.all.taken), static_cast<long long>(arm.all.intended),
                static_cast<long long>(arm.all.intended - arm.all.taken), stolen.c_str(), Quantile(late, 0.5) * 1e-3,
                Quantile(late, 0.99) * 1e-3, Quantile(late, 0.999) * 1e-3, Quantile(late, 1) * 1e-3,
                static_cast<double>(arm.stolen_ticks) * 10 / seconds, ratio.c_str());
  }
  std::printf("\nControl, the first against itself: %s.%s\n\n", Describe(control, 3).c_str(),
              sound ? "" : " It excludes 1: the machine was not quiet, and no ratios are told.");
}

int Main(int argc, char** argv) {
  ::setenv("TMPDIR", "/dev/shm", /*overwrite=*/1);
  const double seconds = NumberOption(argc, argv, "--seconds", 10);
  const std::unique_ptr<Registers> registers = MakeRegisters();
  if (registers == nullptr) return 1;
  absl::StatusOr<OpenRunTime> run_time = OpenRunTimeMeter({.method = RunTimeMethod::kBpf});
  if (!run_time.ok()) return std::fprintf(stderr, "%s\n", run_time.status().ToString().c_str()), 1;
  std::vector<std::unique_ptr<Worker>> hogs;
  for (const int cpu : OnlineCpus()) hogs.push_back(std::make_unique<Worker>(cpu, [] {}));
  for (const int64_t period_ns : {kNanosPerMilli, kNanosPerMilli / 10}) {
    Measure(period_ns, seconds, *registers->source, *run_time->meter);
  }
  return 0;
}

}  // namespace
}  // namespace vrapl

int main(int argc, char** argv) { return vrapl::Main(argc, argv); }
