// What does one snapshot of run time cost, on the real switch log? And what does the BPF program cost each switch?
//
// The load: two threads that wake each other through pipes as fast as they can. Snapshots are taken every millisecond
// beside it. The floor: the same loop with nothing between its clock reads. Needs root.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/host_root.h"
#include "base/posix.h"
#include "bench/paired.h"
#include "bpf/run_time_reader.h"

namespace vrapl {
namespace {

void PinTo(int cpu) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(static_cast<size_t>(cpu), &one);
  ::sched_setaffinity(0, sizeof one, &one);
}

struct Pipe {
  UniqueFd read_end;
  UniqueFd write_end;
};

Pipe MakePipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) std::abort();
  return {.read_end = UniqueFd(ends[0]), .write_end = UniqueFd(ends[1])};
}

// A thread that sends back each byte; on one CPU with its caller, a round trip is two switches.
class Echo {
 public:
  explicit Echo(int cpu) {
    thread_ = std::thread([this, cpu] {
      if (cpu >= 0) PinTo(cpu);
      char byte = 0;
      while (::read(there_.read_end.get(), &byte, 1) == 1 && ::write(back_.write_end.get(), &byte, 1) == 1) {
      }
    });
  }
  ~Echo() {
    there_.write_end.Reset();
    thread_.join();
  }
  void RoundTrip() const {
    char byte = 0;
    if (::write(there_.write_end.get(), &byte, 1) != 1 || ::read(back_.read_end.get(), &byte, 1) != 1) std::abort();
  }

 private:
  Pipe there_ = MakePipe();
  Pipe back_ = MakePipe();
  std::thread thread_;
};

// Round trips in a thread of its own until it is destroyed. An ordinary thread, whatever its maker is.
class SwitchLoad {
 public:
  SwitchLoad()
      : thread_([this] {
          const Echo echo(-1);
          while (!stop_) echo.RoundTrip();
        }) {}
  ~SwitchLoad() {
    stop_ = true;
    thread_.join();
  }

 private:
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

// A program that does nothing, at the same tracepoint: what is left when ours is taken away.
class EmptyProgram {
 public:
  static absl::StatusOr<std::unique_ptr<EmptyProgram>> Load() {
    const int btf_id = libbpf_find_vmlinux_btf_id("sched_switch", BPF_TRACE_RAW_TP);
    if (btf_id < 0) return PosixError(-btf_id, "find sched_switch in the kernel's BTF");
    const bpf_insn instructions[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
                                     {.code = BPF_JMP | BPF_EXIT}};
    LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = BPF_TRACE_RAW_TP,
                .attach_btf_id = static_cast<uint32_t>(btf_id));
    UniqueFd program(
        bpf_prog_load(BPF_PROG_TYPE_TRACING, "empty", "GPL", instructions, std::size(instructions), &options));
    if (!program.ok()) return PosixError(errno, "load an empty program");
    return std::unique_ptr<EmptyProgram>(new EmptyProgram(std::move(program)));
  }
  void Attach() { link_ = UniqueFd(bpf_raw_tracepoint_open(nullptr, program_.get())); }
  void Detach() { link_.Reset(); }
  SwitchLog::ProgramCost Cost() const {
    bpf_prog_info info{};
    uint32_t size = sizeof info;
    if (bpf_obj_get_info_by_fd(program_.get(), &info, &size) != 0) return {};
    return {.runs = info.run_cnt, .run_time_ns = info.run_time_ns};
  }

 private:
  explicit EmptyProgram(UniqueFd program) : program_(std::move(program)) {}
  UniqueFd program_;
  UniqueFd link_;
};

uint64_t RecordsOf(const SwitchLog& log, const std::vector<int>& cpus) {
  uint64_t records = 0;
  for (const int cpu : cpus) records += log.Head(cpu);
  return records;
}

struct Snapshot {
  double cost_ns;
  double records;
};

// Snapshots at these distances, in shuffled order.
struct Snapshots {
  std::vector<Snapshot> taken;
  std::vector<double> floor_ns;  // two clock reads, in the same loop
  uint64_t lost = 0;
};
Snapshots TakeSnapshots(SwitchLog& log, const std::vector<int>& cpus, int count,
                        const std::vector<int64_t>& distances_ns) {
  std::mt19937 random(1);
  Snapshots result;
  int64_t deadline_ns = MonotonicNs();
  RunTimeReader reader(log, cpus, deadline_ns);
  RunTimeWindow window;
  uint64_t seen = RecordsOf(log, cpus);
  for (int i = 0; i < count; ++i) {
    RealClock().SleepUntil(deadline_ns += distances_ns[random() % distances_ns.size()]);
    const int64_t begin_ns = MonotonicNs();
    const int64_t before_ns = MonotonicNs();
    window.Clear();
    reader.Read(before_ns, window);
    const int64_t after_ns = MonotonicNs();
    const uint64_t head = RecordsOf(log, cpus);
    result.floor_ns.push_back(static_cast<double>(before_ns - begin_ns));
    result.taken.push_back({.cost_ns = static_cast<double>(after_ns - before_ns),
                            .records = static_cast<double>(head - std::exchange(seen, head))});
  }
  result.lost = reader.lost_records();
  return result;
}

double Quantile(std::vector<double> values, double fraction) {
  std::sort(values.begin(), values.end());
  return values[static_cast<size_t>(fraction * static_cast<double>(values.size() - 1))];
}

void PrintSnapshots(SwitchLog& log, const std::vector<int>& cpus, const char* load) {
  const Snapshots snapshots = TakeSnapshots(log, cpus, 5000, {kNanosPerMilli});
  if (snapshots.lost > 0) {
    std::printf("| %s | no figures: %llu records lost | | | |\n", load,
                static_cast<unsigned long long>(snapshots.lost));
    return;
  }
  std::vector<double> cost_ns;
  double records = 0;
  for (const Snapshot& snapshot : snapshots.taken) {
    cost_ns.push_back(snapshot.cost_ns);
    records += snapshot.records;
  }
  const Spread cost = MedianOf(cost_ns);
  const Spread floor = MedianOf(snapshots.floor_ns);
  std::printf("| %s | %.1f | %.0f [%.0f, %.0f] | %.0f | %.0f [%.0f, %.0f] |\n", load,
              records / static_cast<double>(cost_ns.size()), cost.median, cost.low, cost.high, Quantile(cost_ns, 0.99),
              floor.median, floor.low, floor.high);
}

// Least squares of cost on the number of records.
double SlopeOf(const std::vector<Snapshot>& snapshots) {
  double n = 0, x = 0, y = 0, xx = 0, xy = 0;
  for (const Snapshot& snapshot : snapshots) {
    n += 1;
    x += snapshot.records;
    y += snapshot.cost_ns;
    xx += snapshot.records * snapshot.records;
    xy += snapshot.records * snapshot.cost_ns;
  }
  return (n * xy - x * y) / (n * xx - x * x);
}

void PrintCostOfARecord(SwitchLog& log, const std::vector<int>& cpus) {
  Snapshots snapshots =
      TakeSnapshots(log, cpus, 3000, {kNanosPerMilli / 2, kNanosPerMilli, 2 * kNanosPerMilli, 4 * kNanosPerMilli});
  if (snapshots.lost > 0) {
    std::printf("\nA record: no figure, %llu were lost.\n", static_cast<unsigned long long>(snapshots.lost));
    return;
  }
  // What was interrupted says nothing about records.
  std::vector<double> costs;
  for (const Snapshot& snapshot : snapshots.taken) costs.push_back(snapshot.cost_ns);
  std::erase_if(snapshots.taken,
                [limit = Quantile(costs, 0.98)](const Snapshot& snapshot) { return snapshot.cost_ns > limit; });
  std::mt19937 random(1);
  std::vector<double> slopes;
  for (int i = 0; i < 500; ++i) {
    std::vector<Snapshot> resampled;
    for (size_t k = 0; k < snapshots.taken.size(); ++k) {
      resampled.push_back(snapshots.taken[random() % snapshots.taken.size()]);
    }
    slopes.push_back(SlopeOf(resampled));
  }
  std::printf("\nEach record: %.1f ns [%.1f, %.1f], the slope of cost on records over snapshots 0.5 to 4 ms apart.\n",
              SlopeOf(snapshots.taken), Quantile(slopes, 0.025), Quantile(slopes, 0.975));
}

void PrintObserve(SwitchLog& log, const std::vector<int>& cpus) {
  const uint32_t reader = log.NewReader();
  const int end = *std::max_element(cpus.begin(), cpus.end()) + 1;
  for (const int cpu : cpus) log.WantObservation(cpu, reader);
  const Way floor{.name = "the cheapest system call", .run = [](int64_t times) {
                    for (int64_t i = 0; i < times; ++i) ::syscall(SYS_getppid);
                  }};
  const Way observe{.name = absl::StrCat("Observe of ", cpus.size(), " CPUs"), .run = [&](int64_t times) {
                      for (int64_t i = 0; i < times; ++i) log.Observe(0, end, reader);
                    }};
  std::printf("\nLooking at the run queues of CPUs that have not switched, once a snapshot at most:\n\n%s",
              Describe(Compare({floor, observe}, {.rounds = 60, .times = 500})).c_str());
  for (const int cpu : cpus) log.WantObservation(cpu, 0);
}

double NsPerRun(const SwitchLog::ProgramCost& from, const SwitchLog::ProgramCost& to) {
  return to.runs == from.runs
             ? 0
             : static_cast<double>(to.run_time_ns - from.run_time_ns) / static_cast<double>(to.runs - from.runs);
}

// Both programs at the same switches, by the kernel's own count.
void PrintRunTimeOfPrograms(EmptyProgram& empty) {
  const UniqueFd statistics(bpf_enable_stats(BPF_STATS_RUN_TIME));
  absl::StatusOr<std::unique_ptr<SwitchLog>> log = SwitchLog::Attach();
  if (!statistics.ok() || !log.ok()) {
    std::printf("\nrun_time_ns: the kernel counts none here.\n");
    return;
  }
  empty.Attach();
  std::vector<double> ours_ns;
  std::vector<double> empty_ns;
  std::vector<double> above_ns;
  {
    const SwitchLoad load;
    for (int i = 0; i < 60; ++i) {
      const SwitchLog::ProgramCost ours_before = (*log)->Cost();
      const SwitchLog::ProgramCost empty_before = empty.Cost();
      RealClock().SleepUntil(MonotonicNs() + 50 * kNanosPerMilli);
      ours_ns.push_back(NsPerRun(ours_before, (*log)->Cost()));
      empty_ns.push_back(NsPerRun(empty_before, empty.Cost()));
      above_ns.push_back(ours_ns.back() - empty_ns.back());
    }
  }
  empty.Detach();
  const Spread ours = MedianOf(ours_ns);
  const Spread nothing = MedianOf(empty_ns);
  const Spread above = MedianOf(above_ns);
  std::printf(
      "\nThe program's body by the kernel's run_time_ns, both programs at the same switches (60 x 50 ms): ours %.1f ns "
      "[%.1f, %.1f], an empty one %.1f ns [%.1f, %.1f] (the kernel's own two clock reads), difference %.1f ns [%.1f, "
      "%.1f].\n",
      ours.median, ours.low, ours.high, nothing.median, nothing.low, nothing.high, above.median, above.low, above.high);
}

// run_time_ns leaves out how the program is called; a stop watch does not.
void PrintRoundTrips(EmptyProgram& empty, int cpu) {
  PinTo(cpu);
  const Echo echo(cpu);
  const auto run = [&](int64_t times) {
    for (int64_t i = 0; i < times; ++i) echo.RoundTrip();
  };
  std::unique_ptr<SwitchLog> log;
  const Comparison comparison = Compare(
      {{.name = "no program", .run = run},
       {.name = "an empty program", .run = run, .before = [&] { empty.Attach(); }, .after = [&] { empty.Detach(); }},
       {.name = "the switch log",
        .run = run,
        .before = [&] { log = *SwitchLog::Attach(); },
        .after = [&] { log.reset(); }}},
      {.rounds = 60, .times = 20'000});
  std::printf(
      "\nA round trip of one byte between two threads on one CPU, two switches, by the clock on the wall:\n\n%s",
      Describe(comparison).c_str());
}

int Main() {
  const std::vector<int> cpus = *ParseCpuList(*ReadSmallFile("/sys/devices/system/cpu/online"));
  absl::StatusOr<std::unique_ptr<EmptyProgram>> empty = EmptyProgram::Load();
  if (!empty.ok()) return std::fprintf(stderr, "%s\n", empty.status().ToString().c_str()), 1;
  PrintRoundTrips(**empty, cpus.back());
  PrintRunTimeOfPrograms(**empty);

  // As the sampling thread runs; without, a busy machine keeps it from the log until that overruns.
  const sched_param priority{.sched_priority = 50};
  (void)::sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &priority);
  absl::StatusOr<std::unique_ptr<SwitchLog>> log = SwitchLog::Attach();
  if (!log.ok()) return std::fprintf(stderr, "%s\n", log.status().ToString().c_str()), 1;
  (*log)->Prime(cpus);
  PinTo(cpus.front());
  PrintObserve(**log, cpus);
  std::printf(
      "\nOne snapshot of %zu CPUs, every millisecond (5000 a row), SCHED_FIFO and pinned:\n\n"
      "| load | records in it | ns [95 %%] | p99 ns | two clock reads, ns [95 %%] |\n| --- | --- | --- | --- | --- |\n",
      cpus.size());
  PrintSnapshots(**log, cpus, "none of ours");
  const SwitchLoad load;
  PrintSnapshots(**log, cpus, "two threads waking each other");
  PrintCostOfARecord(**log, cpus);
  return 0;
}

}  // namespace
}  // namespace vrapl

int main() { return vrapl::Main(); }
