// The kernel side of run time: loads and attaches the sched_switch program, and gives access to the per-CPU logs that
// it writes. All libbpf stops here. What the records mean is in run_time.h.
//
// Reading a log is plain memory access; Observe() is one system call. Several readers may share one SwitchLog as long
// as each CPU has one reader.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/run_time_method.h"
#include "bpf/switch_log_format.h"
#include "bpf/switch_log_records.h"

namespace vrapl {

class SwitchLog {
 public:
  // The best of the BPF methods that this kernel takes; kSchedstat is none of them.
  //
  // `btf`: a file with the kernel's BTF, for kernels without /sys/kernel/btf/vmlinux; "" else. Only the raw-tp methods
  // can do with it: the kernel itself must have BTF for the others.
  //
  // Errors: PERMISSION_DENIED (CAP_BPF and CAP_PERFMON are needed; what is missing is named), UNIMPLEMENTED (kernel
  // without BTF or without the fields the program reads), FAILED_PRECONDITION (in a PID namespace of one's own). The
  // message names the remedy.
  static absl::StatusOr<std::unique_ptr<SwitchLog>> Attach(const std::string& btf = "");
  // This one and no other.
  static absl::StatusOr<std::unique_ptr<SwitchLog>> Attach(RunTimeMethod method, const std::string& btf = "");
  ~SwitchLog();
  SwitchLog(const SwitchLog&) = delete;
  SwitchLog& operator=(const SwitchLog&) = delete;

  RunTimeMethod method() const { return method_; }
  int possible_cpus() const { return possible_cpus_; }

  // Records written by `cpu` so far.
  uint64_t Head(int cpu) const { return LogHead(log(cpu)); }
  // See ForEachLogRecord().
  template <typename Visit>
  uint64_t ForEachRecord(int cpu, uint64_t& tail, Visit visit) const {
    return ForEachLogRecord(log(cpu), tail, visit);
  }

  // The newest pair of (scheduler clock, CLOCK_MONOTONIC) of `cpu`; false while there is none or it is being written.
  bool ReadClockPair(int cpu, uint64_t& clock, uint64_t& monotonic) const;

  // Asks the kernel what those run queues of [first_cpu, end_cpu) say that `reader` has marked by WantObservation: a
  // number of its own, from NewReader(). Errors are not fatal: the observations stay invalid.
  uint32_t NewReader() { return ++readers_; }
  void WantObservation(int cpu, uint32_t reader) { log(cpu).observation.wanted = reader; }
  void Observe(int first_cpu, int end_cpu, uint32_t reader);
  cpu_observation Observation(int cpu) const { return log(cpu).observation; }

  // Moves the calling thread once to each CPU, where it sleeps for a moment, and back, so that each CPU has at least
  // one record.
  void Prime(absl::Span<const int> cpus) const;

  // What the sched_switch program cost so far, as the kernel counts it; 0 unless statistics are on
  // (sysctl kernel.bpf_stats_enabled=1).
  struct ProgramCost {
    uint64_t runs = 0;
    uint64_t run_time_ns = 0;
  };
  ProgramCost Cost() const;

  // Times the kernel did not run the program because it was already running (0 unless something is wrong): switches
  // that have no record. UINT64_MAX where the kernel does not say. One system call.
  uint64_t RecursionMisses() const;

 private:
  struct Skeleton;
  explicit SwitchLog(std::unique_ptr<Skeleton> skeleton);
  switch_log& log(int cpu) const { return logs_[cpu]; }

  std::unique_ptr<Skeleton> skeleton_;
  RunTimeMethod method_ = RunTimeMethod::kBpf;
  int possible_cpus_ = 0;
  std::atomic<uint32_t> readers_ = 0;
  switch_log* logs_ = nullptr;
  size_t mapped_bytes_ = 0;
  int observe_fd_ = -1;
};

}  // namespace vrapl
