// What does one snapshot of run time cost, on the real switch log? What each record in it, what a look at CPUs that
// have not switched?
//
// The load: two threads that wake each other through pipes as fast as they can. Snapshots are taken every millisecond
// beside it, as the sampling thread takes them. The floor: the same loop with nothing between its clock reads. What the
// BPF program costs is in switch_cost_bench, what other ways of taking a snapshot cost in snapshot_bench. Needs root.
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "bench/load.h"
#include "bench/paired.h"
#include "bench/slope.h"
#include "bpf/run_time_reader.h"

namespace vrapl {
namespace {

uint64_t RecordsOf(const SwitchLog& log, const std::vector<int>& cpus) {
  uint64_t records = 0;
  for (const int cpu : cpus) records += log.Head(cpu);
  return records;
}

struct Snapshot {
  size_t distance;  // which of the distances it was taken at
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
    const size_t distance = random() % distances_ns.size();
    RealClock().SleepUntil(deadline_ns += distances_ns[distance]);
    const int64_t begin_ns = MonotonicNs();
    const int64_t before_ns = MonotonicNs();
    window.Clear();
    reader.Read(before_ns, window);
    const int64_t after_ns = MonotonicNs();
    const uint64_t head = RecordsOf(log, cpus);
    result.floor_ns.push_back(static_cast<double>(before_ns - begin_ns));
    result.taken.push_back({.distance = distance,
                            .cost_ns = static_cast<double>(after_ns - before_ns),
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

void PrintCostOfARecord(SwitchLog& log, const std::vector<int>& cpus) {
  const std::vector<int64_t> distances_ns = {kNanosPerMilli / 2, kNanosPerMilli, 2 * kNanosPerMilli,
                                             4 * kNanosPerMilli};
  const Snapshots snapshots = TakeSnapshots(log, cpus, 3000, distances_ns);
  if (snapshots.lost > 0) {
    std::printf("\nA record: no figure, %llu were lost.\n", static_cast<unsigned long long>(snapshots.lost));
    return;
  }
  std::vector<AtSize> sizes(distances_ns.size());
  std::vector<std::vector<double>> records(distances_ns.size());
  for (const Snapshot& snapshot : snapshots.taken) {
    sizes[snapshot.distance].ns.push_back(snapshot.cost_ns);
    records[snapshot.distance].push_back(snapshot.records);
  }
  for (size_t i = 0; i < sizes.size(); ++i) sizes[i].size = Quantile(records[i], 0.5);
  std::printf("\nEach record: %s ns, the slope of cost on records over snapshots 0.5 to 4 ms apart.\n",
              Describe(SlopeOf(sizes), 1).c_str());
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

int Main() {
  const std::vector<int> cpus = OnlineCpus();
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
