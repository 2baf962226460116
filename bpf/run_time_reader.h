// Run time of one package at an instant: drains the switch logs of the package's CPUs into their time lines.
//
// The millisecond path: Read() is memory access and, when some CPU has not switched since the last call, one system
// call; it does not allocate, lock, log or wait. Threads: one, the package's reader.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "bpf/run_time.h"
#include "bpf/switch_log.h"

namespace vrapl {

class RunTimeReader {
 public:
  // `log` outlives this. `cpus`: the package's CPUs, and which of them share a core. Time before start_ns
  // (CLOCK_MONOTONIC) does not count.
  RunTimeReader(SwitchLog& log, absl::Span<const CpuOnCore> cpus, int64_t start_ns);
  // Each CPU is a core of its own.
  RunTimeReader(SwitchLog& log, absl::Span<const int> cpus, int64_t start_ns);

  // From now on run time is told by core as well, in the order of these, the kernel's core_id; call it before the first
  // Read(), whose window has been told as many.
  void TellCores(absl::Span<const int> core_ids);

  // Adds to `window` all time between the previous instant and t_ns. t_ns must not go backwards.
  void Read(int64_t t_ns, RunTimeWindow& window);

  // CPUs came online or went offline: from the instant read last on, these are the package's. The totals of those that
  // went stay in total(). Does not allocate, for CPUs that the machine can have.
  void CoverCpus(absl::Span<const CpuOnCore> cpus);

  int cpu_count() const { return static_cast<int>(cpus_.size()); }
  // Time of the i-th CPU since start_ns, by what it was spent on.
  const CpuTime& cpu_time(int i) const { return cpus_[static_cast<size_t>(i)].timeline.total(); }
  CpuTime total() const;

  uint64_t lost_records() const { return lost_records_; }
  uint64_t gaps() const;  // times that the kernel did not report a switch, or several in a row
  // Switches by the run queues' own count that no record told of, since start_ns.
  int64_t unreported_switches() const;
  int64_t late_ns() const;                       // see CpuTimeline
  uint64_t records() const { return records_; }  // taken in since start_ns

 private:
  struct Cpu {
    int cpu;
    int core;
    int core_id;
    uint64_t tail;
    ClockOffset offset;
    CpuTimeline timeline;
  };
  void Add(const CpuOnCore& place, int64_t start_ns);
  void CpusHaveChanged();
  void Drain(Cpu& cpu, int64_t t_ns, RunTimeWindow& window);
  void DrainCore(absl::Span<Cpu> siblings, int64_t t_ns, RunTimeWindow& window);
  bool RecordArrives(const Cpu& cpu) const;
  std::optional<int64_t> Observation(const Cpu& cpu, cpu_observation& observation) const;

  std::vector<Cpu> cpus_;      // siblings side by side
  std::vector<int> core_ids_;  // those that are told apart
  SwitchLog& log_;
  const uint32_t number_;
  int first_cpu_ = 0;
  int end_cpu_ = 0;
  int64_t t_ns_;       // read up to here
  CpuTime gone_time_;  // of CPUs that went offline
  uint64_t gone_gaps_ = 0;
  int64_t gone_unreported_switches_ = 0;
  int64_t gone_late_ns_ = 0;
  uint64_t records_ = 0;
  uint64_t lost_records_ = 0;
};

}  // namespace vrapl
