// What does one snapshot of run time cost, on the real switch log? And what does the program cost each switch?
//
// Two threads wake each other through pipes as fast as they can (a switch-heavy load); snapshots are taken every
// millisecond beside them. The floor: the same loop with an empty snapshot. Needs root.
#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/host_root.h"
#include "bench/paired.h"
#include "bpf/run_time_reader.h"

namespace vrapl {
namespace {

class PingPong {
 public:
  PingPong() {
    if (::pipe(there_) != 0 || ::pipe(back_) != 0) std::abort();
    one_ = std::thread([this] { Run(there_[1], back_[0], true); });
    other_ = std::thread([this] { Run(back_[1], there_[0], false); });
  }
  ~PingPong() {
    stop_ = true;
    one_.join();
    ::close(there_[1]);
    other_.join();
    for (const int fd : {there_[0], back_[0], back_[1]}) ::close(fd);
  }

 private:
  void Run(int out, int in, bool first) {
    char byte = 0;
    if (first && ::write(out, &byte, 1) != 1) return;
    while (::read(in, &byte, 1) == 1) {
      if (first && stop_) return;
      if (::write(out, &byte, 1) != 1) return;
    }
  }
  int there_[2];
  int back_[2];
  std::atomic<bool> stop_ = false;
  std::thread one_;
  std::thread other_;
};

void Snapshots(SwitchLog& log, const std::vector<int>& cpus, const char* load) {
  constexpr int kSamples = 5000;
  const int64_t start_ns = MonotonicNs();
  RunTimeReader reader(log, cpus, start_ns);
  RunTimeWindow window;
  std::vector<double> cost_ns;
  std::vector<double> floor_ns;
  uint64_t records = 0;
  for (const int cpu : cpus) records -= log.Head(cpu);
  int64_t deadline_ns = start_ns;
  for (int i = 0; i < kSamples; ++i) {
    RealClock().SleepUntil(deadline_ns += kNanosPerMilli);
    const int64_t before_ns = MonotonicNs();
    const int64_t empty_ns = MonotonicNs();
    window.Clear();
    reader.Read(before_ns, window);
    const int64_t after_ns = MonotonicNs();
    floor_ns.push_back(static_cast<double>(empty_ns - before_ns));
    cost_ns.push_back(static_cast<double>(after_ns - empty_ns));
  }
  for (const int cpu : cpus) records += log.Head(cpu);
  std::vector<double> sorted = cost_ns;
  std::sort(sorted.begin(), sorted.end());
  const Spread cost = MedianOf(cost_ns, 1);
  std::printf("| %s | %.1f | %.0f [%.0f, %.0f] | %.0f | %.0f | %zu of %zu lost |\n", load,
              static_cast<double>(records) / kSamples, cost.median, cost.low, cost.high,
              sorted[sorted.size() * 99 / 100], MedianOf(floor_ns, 1).median,
              static_cast<size_t>(reader.lost_records()), static_cast<size_t>(records));
}

int Main() {
  // As the sampling thread runs; without, a busy machine keeps it from the log until that overruns.
  const sched_param priority{.sched_priority = 50};
  (void)::sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &priority);
  const std::vector<int> cpus = *ParseCpuList(*ReadSmallFile("/sys/devices/system/cpu/online"));
  const int stats_fd = bpf_enable_stats(BPF_STATS_RUN_TIME);
  absl::StatusOr<std::unique_ptr<SwitchLog>> log = SwitchLog::Attach();
  if (!log.ok()) return std::fprintf(stderr, "%s\n", log.status().ToString().c_str()), 1;
  (*log)->Prime(cpus);

  std::printf("One snapshot of %zu CPUs, every millisecond (5000 samples a row):\n\n", cpus.size());
  std::printf(
      "| load | records per sample | median ns [95 %%] | p99 ns | two clock reads, ns | log |\n"
      "| --- | --- | --- | --- | --- | --- |\n");
  Snapshots(**log, cpus, "none of ours");
  {
    const PingPong load;
    Snapshots(**log, cpus, "two threads waking each other");
  }
  const SwitchLog::ProgramCost cost = (*log)->Cost();
  std::printf(
      "\nThe sched_switch program, by the kernel's own run_time_ns: %.1f ns per switch over %llu switches (the "
      "kernel's two clock reads included).\n",
      cost.runs == 0 ? 0.0 : static_cast<double>(cost.run_time_ns) / static_cast<double>(cost.runs),
      static_cast<unsigned long long>(cost.runs));
  if (stats_fd >= 0) ::close(stats_fd);
  return 0;
}

}  // namespace
}  // namespace vrapl

int main() { return vrapl::Main(); }
