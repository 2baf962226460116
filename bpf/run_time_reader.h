// Run time of one package at an instant: drains the switch logs of the package's CPUs into their time lines.
//
// The millisecond path: Read() is memory access and, when some CPU has not switched since the last call, one system
// call; it does not allocate, lock, log or wait. Threads: one, the package's reader.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "bpf/run_time.h"
#include "bpf/switch_log.h"

namespace vrapl {

class RunTimeReader {
 public:
  // `log` outlives this. `cpus`: the package's CPUs. Time before start_ns (CLOCK_MONOTONIC) does not count.
  RunTimeReader(SwitchLog& log, absl::Span<const int> cpus, int64_t start_ns);

  // Adds to `window` all time between the previous instant and t_ns. t_ns must not go backwards.
  void Read(int64_t t_ns, RunTimeWindow& window);

  // CPUs came online or went offline: from the instant read last on, these are the package's. The totals of those that
  // went stay in total(). Does not allocate, for CPUs that the machine can have.
  void CoverCpus(absl::Span<const int> cpus);

  int cpu_count() const { return static_cast<int>(cpus_.size()); }
  // Time of the i-th CPU since start_ns, by what it was spent on.
  const CpuTime& cpu_time(int i) const { return cpus_[static_cast<size_t>(i)].timeline.total(); }
  CpuTime total() const;

  uint64_t lost_records() const { return lost_records_; }
  uint64_t gaps() const;  // switches that the kernel did not report

 private:
  struct Cpu {
    int cpu;
    uint64_t tail;
    ClockOffset offset;
    CpuTimeline timeline;
  };
  void Add(int cpu, int64_t start_ns);
  void SetRange();

  std::vector<Cpu> cpus_;
  SwitchLog& log_;
  const uint32_t number_;
  int first_cpu_ = 0;
  int end_cpu_ = 0;
  int64_t t_ns_;       // read up to here
  CpuTime gone_time_;  // of CPUs that went offline
  uint64_t gone_gaps_ = 0;
  uint64_t lost_records_ = 0;
};

}  // namespace vrapl
