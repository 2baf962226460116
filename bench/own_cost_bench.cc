// What does the whole sampler cost a machine that it watches, at 1 kHz, with 4 domains and 16 lightly loaded VMs?
//
// CPU time of all its threads, with and without a recording, above that of a loop that only wakes as often: same
// priority, same CPU. Then its memory, the bytes that it stores, and how much slower threads become that do nothing but
// wake each other. The registers lie in memory; the run time is that of the real BPF program. Needs root.
//
//   own_cost_bench [--seconds=8] [--switch-cpu=N]
//
// seconds: of each way, in blocks of 2 s, which hold one flush each. switch-cpu: where the threads are that wake each
// other; the last CPU if not given. The first one is the sampler's.
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "bench/interleave.h"
#include "bench/load.h"
#include "bench/made_registers.h"
#include "bench/made_vms.h"
#include "bench/paired.h"
#include "bench/recording_size.h"
#include "bench/whole_sampler.h"
#include "sampler/real_time.h"

namespace vrapl {
namespace {

constexpr int kReaderCpu = 0;
constexpr int64_t kPeriodNs = kNanosPerMilli;
constexpr int64_t kBlockNs = 2 * kNanosPerSecond;  // one flush
// Loading a BPF program changes the kernel's code on all CPUs, and the first samples touch memory for the first time.
constexpr int64_t kSettleNs = 200 * kNanosPerMilli;

template <typename T>
T OrExit(absl::StatusOr<T> value) {
  if (value.ok()) return *std::move(value);
  std::fprintf(stderr, "%s\n", value.status().ToString().c_str());
  std::exit(1);
}

void OrExit(const absl::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  std::exit(1);
}

void Pass(int64_t ns) { RealClock().SleepUntil(MonotonicNs() + ns); }

std::string RecordingPath() { return absl::StrCat("/dev/shm/own_cost_bench.", ::getpid(), ".vrapl"); }

// CPU time of one block by thread, in percent of one CPU.
struct Share {
  double all = 0;
  double sampling = 0;
  double flush = 0;
  double rest = 0;
  double switches = 0;  // a second, of the process
};

long Switches() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_nvcsw + usage.ru_nivcsw;
}

Share ShareOf(const std::function<CpuTimes()>& times) {
  Pass(kSettleNs);
  const int64_t start_ns = MonotonicNs();
  const CpuTimes before = times();
  const long switches = Switches();
  Pass(kBlockNs);
  const CpuTimes after = times();
  const auto wall_ns = static_cast<double>(MonotonicNs() - start_ns);
  const auto percent = [&](int64_t ns) { return 100 * static_cast<double>(ns) / wall_ns; };
  return {.all = percent(after.all_ns - before.all_ns),
          .sampling = percent(after.sampling_ns - before.sampling_ns),
          .flush = percent(after.flush_ns - before.flush_ns),
          .rest = percent(after.rest_ns() - before.rest_ns()),
          .switches = static_cast<double>(Switches() - switches) / (wall_ns * 1e-9)};
}

Share OfSampler(EnergySource& source, const MadeVms& vms, bool records, uint64_t& missed) {
  const auto sampler = OrExit(WholeSampler::Start(source, vms.vms(), {.recording = records ? RecordingPath() : ""}));
  const Share share = ShareOf([&] { return sampler->cpu_times(); });
  OrExit(sampler->Stop());
  missed += sampler->counts().lateness.missed + sampler->counts().lost_records;
  return share;
}

// The same wakes with nothing done at them, or no more than the registers read.
Share OfLoop(EnergySource* source) {
  std::atomic<bool> stop = false;
  std::thread loop([&] {
    OrExit(PinToCpu(kReaderCpu));
    OrExit(UseRealTimePriority(kSamplerPriority));
    EnergySample sample;
    for (int64_t deadline_ns = MonotonicNs(); !stop;) {
      deadline_ns += kPeriodNs;
      if (const int64_t late_ns = MonotonicNs() - deadline_ns; late_ns > 0)
        deadline_ns += late_ns / kPeriodNs * kPeriodNs;
      RealClock().SleepUntil(deadline_ns);
      if (source != nullptr) source->Read(sample);
    }
  });
  const Share share = ShareOf([] {
    const int64_t all_ns = ProcessCpuNs();
    return CpuTimes{.all_ns = all_ns, .sampling_ns = all_ns};
  });
  stop = true;
  loop.join();
  return share;
}

std::vector<double> Of(const std::vector<Share>& shares, double Share::*part) {
  std::vector<double> values;
  for (const Share& share : shares) values.push_back(share.*part);
  return values;
}

std::vector<double> Combine(const std::vector<double>& a, const std::vector<double>& b,
                            const std::function<double(double, double)>& combine) {
  std::vector<double> values;
  for (size_t i = 0; i < a.size(); ++i) values.push_back(combine(a[i], b[i]));
  return values;
}

// A line that says whether the first way against itself was the same; false when it was not.
bool Control(const std::vector<double>& again, const std::vector<double>& first) {
  const Spread control = MedianOf(Combine(again, first, std::divides<>()), 1, 0.99);
  const bool sound = control.low <= 1 && 1 <= control.high;
  std::printf("\nControl, the first against itself: %s.%s\n\n", Describe(control, 3).c_str(),
              sound ? "" : " It excludes 1: the machine was not quiet, and no differences are told.");
  return sound;
}

void MeasureCpu(EnergySource& source, const MadeVms& vms, int rounds) {
  constexpr const char* kNames[] = {"vrapl, recording", "vrapl, not recording", "a loop that reads the registers",
                                    "empty loop: the floor"};
  constexpr size_t kWays = std::size(kNames);
  constexpr size_t kEmpty = kWays - 1;
  std::vector<std::vector<Share>> shares(kWays + 1);
  uint64_t missed = 0;
  Interleave(rounds, kWays, [&](size_t way, size_t column) {
    shares[column].push_back(way < 2 ? OfSampler(source, vms, way == 0, missed)
                                     : OfLoop(way == kEmpty ? nullptr : &source));
  });
  std::printf(
      "CPU time at 1 kHz, %zu domains, %zu VMs, percent of one CPU, %d blocks of 2 s of each:\n\n"
      "| what | all threads [95 %%] | sampling thread | flush thread | other | switches/s |\n"
      "| --- | --- | --- | --- | --- | --- |\n",
      source.package().domains.size(), vms.vms().size(), rounds);
  for (size_t way = 0; way < kWays; ++way) {
    const std::vector<Share>& of = shares[way];
    std::printf("| %s | %s | %.2f | %.2f | %.2f | %.0f |\n", kNames[way],
                Describe(MedianOf(Of(of, &Share::all)), 2).c_str(), MedianOf(Of(of, &Share::sampling)).median,
                MedianOf(Of(of, &Share::flush)).median, MedianOf(Of(of, &Share::rest)).median,
                MedianOf(Of(of, &Share::switches)).median);
  }
  const auto all = [&](size_t column) { return Of(shares[column], &Share::all); };
  if (Control(all(kWays), all(0))) {
    for (size_t way = 0; way < kEmpty; ++way) {
      const Spread above = MedianOf(Combine(all(way), all(kEmpty), std::minus<>()));
      std::printf("%s, above the empty loop: %s %% of one CPU.", kNames[way], Describe(above, 2).c_str());
      if (way < 2) {
        std::printf(" At most 0.5 was aimed at: %s.", above.high <= 0.5 ? "met"
                                                      : above.low > 0.5 ? "not met"
                                                                        : "not shown");
      }
      std::printf("\n");
    }
    std::printf("Recording itself: %s %%.\n", Describe(MedianOf(Combine(all(0), all(1), std::minus<>())), 2).c_str());
  }
  std::printf("Ticks missed and records lost, all blocks together: %llu.\n\n", static_cast<unsigned long long>(missed));
}

enum Switching : size_t { kOff, kOn, kProgramAlone };

// For one round trip.
struct RoundTrip {
  double wall_ns = 0;
  double cpu_ns = 0;  // of the two threads: without what others took from them meanwhile
};

RoundTrip MeasureRoundTrip(EnergySource& source, const MadeVms& vms, Switching way, int cpu, int64_t block_ns) {
  std::unique_ptr<WholeSampler> sampler;
  OpenRunTime program;
  if (way == kOn) sampler = OrExit(WholeSampler::Start(source, vms.vms(), {.recording = RecordingPath()}));
  if (way == kProgramAlone) program = OrExit(OpenRunTimeMeter({.method = RunTimeMethod::kBpf}));
  RoundTrip trip;
  std::thread([&] {
    PinTo(cpu);
    const Echo echo;
    const auto trips_for = [&](int64_t length_ns) {
      const auto cpu_now_ns = [&] { return sampler ? sampler->cpu_times().rest_ns() : ProcessCpuNs(); };
      const int64_t cpu_ns = cpu_now_ns();
      const int64_t start_ns = MonotonicNs();
      double trips = 0;
      int64_t now_ns = start_ns;
      for (; now_ns - start_ns < length_ns; now_ns = MonotonicNs()) {
        for (int i = 0; i < 64; ++i) echo.RoundTrip();
        trips += 64;
      }
      trip = {.wall_ns = static_cast<double>(now_ns - start_ns) / trips,
              .cpu_ns = static_cast<double>(cpu_now_ns() - cpu_ns) / trips};
    };
    trips_for(kSettleNs / 2);
    trips_for(block_ns);
  }).join();
  if (sampler) OrExit(sampler->Stop());
  return trip;
}

void MeasureSwitches(EnergySource& source, const MadeVms& vms, int cpu, int rounds, int64_t block_ns) {
  constexpr const char* kNames[] = {"off", "on, recording", "the BPF program alone, nobody reads"};
  vms.Pause();
  std::vector<std::vector<double>> wall(4);
  std::vector<std::vector<double>> own(4);
  Interleave(rounds, 3, [&](size_t way, size_t column) {
    const RoundTrip trip = MeasureRoundTrip(source, vms, static_cast<Switching>(way), cpu, block_ns);
    wall[column].push_back(trip.wall_ns);
    own[column].push_back(trip.cpu_ns);
  });
  vms.Continue();
  std::printf(
      "A round trip of one byte through pipes between two threads on CPU %d, two switches; the VMs rest. %d blocks of "
      "%.1f s of each. By the clock on the wall, and by the CPU time of the two threads, in which nothing is that "
      "other "
      "threads took from them:\n",
      cpu, rounds, static_cast<double>(block_ns) * 1e-9);
  for (const bool by_wall : {true, false}) {
    const std::vector<std::vector<double>>& ns = by_wall ? wall : own;
    std::printf("\n| sampling | %s, ns [95 %%] | slow-down, %% [95 %%] |\n| --- | --- | --- |\n",
                by_wall ? "on the wall" : "CPU time");
    std::vector<Spread> slower;
    for (size_t way = 0; way < 3; ++way) {
      slower.push_back(MedianOf(Combine(ns[way], ns[kOff], [](double a, double b) { return 100 * (a / b - 1); })));
      std::printf("| %s | %s | %s |\n", kNames[way], Describe(MedianOf(ns[way]), 0).c_str(),
                  way == kOff ? "0" : Describe(slower[way], 2).c_str());
    }
    if (!Control(ns[3], ns[kOff])) continue;
    const Spread& on = slower[kOn];
    std::printf("Less than 1 %% was aimed at, by the upper bound: %s.\n", on.high < 1  ? "met"
                                                                          : on.low > 1 ? "not met"
                                                                                       : "not shown");
  }
  std::printf("\n");
}

double MiBOf(const std::string& text, const char* key) {
  const size_t at = text.find(key);
  return at == std::string::npos ? 0 : std::atof(text.c_str() + at + std::strlen(key)) / 1024;
}

// Of what is resident, the pages of files whose name `chosen` likes.
double ResidentMiB(const std::function<bool(const std::string& path)>& chosen) {
  std::ifstream maps("/proc/self/smaps");
  double kib = 0;
  bool counts = false;
  for (std::string line; std::getline(maps, line);) {
    if (line.find('-') < line.find(' ') && line.find(':') > line.find(' ')) counts = chosen(line);
    if (counts && absl::StartsWith(line, "Rss:")) kib += std::atof(line.c_str() + 4);
  }
  return kib / 1024;
}

// In a process that does nothing but sample: its memory, and what it stores.
int Alone(double seconds) {
  const MadeVms vms({});
  const std::unique_ptr<EnergySource> source = OrExit(MakeMovingRegisters(kReaderCpu));
  const std::string path = RecordingPath();
  const auto sampler = OrExit(WholeSampler::Start(*source, vms.vms(), {.recording = path}));
  const auto half_ns = static_cast<int64_t>(seconds * 0.5e9);
  Pass(half_ns);
  const std::string status = OrExit(ReadSmallFile("/proc/self/status"));
  const double libraries = ResidentMiB([](const std::string& map) { return absl::StrContains(map, ".so"); });
  const double program = ResidentMiB([](const std::string& map) { return absl::EndsWith(map, "_bench"); });
  // So that blocks with many rows and with few are in the recording.
  vms.Pause();
  Pass(half_ns);
  vms.Continue();
  OrExit(sampler->Stop());
  const RecordingSize size = OrExit(SizeOfRecording(path));
  ::unlink(path.c_str());
  std::printf(
      "Memory of a process that does only this, after %.0f s: VmRSS %.1f MiB, of it RssAnon %.1f, RssFile %.1f, "
      "RssShmem "
      "%.1f. Shared libraries are %.1f of it, the program's own file %.1f. Less than 20 MB was aimed at: %s.\n\n",
      seconds / 2, MiBOf(status, "VmRSS:"), MiBOf(status, "RssAnon:"), MiBOf(status, "RssFile:"),
      MiBOf(status, "RssShmem:"), libraries, program, MiBOf(status, "VmRSS:") * 1.048576 < 20 ? "met" : "not met");
  const auto per_sample = [&](auto count) { return static_cast<double>(count) / static_cast<double>(size.samples); };
  std::printf(
      "Its recording, half the time with the VMs and half while they rest: %llu bytes, %lld samples, %.2f rows that "
      "ran "
      "in each, %.1f bytes a sample with all that is in the file; 16 + 5 a row would be %.1f. By least squares over "
      "its "
      "blocks: %.1f bytes a sample + %.1f a row that ran.\n\n",
      static_cast<unsigned long long>(size.bytes), static_cast<long long>(size.samples), per_sample(size.rows),
      per_sample(size.bytes), 16 + 5 * per_sample(size.rows), size.bytes_per_sample, size.bytes_per_row);
  return 0;
}

int Main(int argc, char** argv) {
  if (const double seconds = NumberOption(argc, argv, "--alone", 0); seconds > 0) return Alone(seconds);
  const double seconds = NumberOption(argc, argv, "--seconds", 8);
  const auto switch_cpu =
      static_cast<int>(NumberOption(argc, argv, "--switch-cpu", static_cast<double>(OnlineCpus().back())));
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  if (std::system(absl::StrCat("/proc/", ::getpid(), "/exe --alone=", std::max(seconds / 2, 4.0)).c_str()) != 0)
    return 1;

  const MadeVms vms({});
  const std::unique_ptr<EnergySource> source = OrExit(MakeMovingRegisters(kReaderCpu));
  const int rounds = std::max(4, static_cast<int>(seconds * 1e9 / static_cast<double>(kBlockNs)));
  MeasureCpu(*source, vms, rounds);
  MeasureSwitches(*source, vms, switch_cpu, rounds * 5 / 4, kNanosPerSecond / 5);
  ::unlink(RecordingPath().c_str());
  return 0;
}

}  // namespace
}  // namespace vrapl

int main(int argc, char** argv) { return vrapl::Main(argc, argv); }
