// The kernel's own account of each thread at each switch, to check the switch log against. It shares no arithmetic with
// the log: the program sends se.sum_exec_runtime as it is, and what a slice was is the difference of two of them.
//
// Costs about ten times as much per switch as the log: for checks, not for every day. Threads: one at a time.
#pragma once

#include <cstdint>
#include <memory>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "bpf/run_time_oracle_format.h"

namespace vrapl {

class RunTimeOracle {
 public:
  // Errors: PERMISSION_DENIED (CAP_BPF and CAP_PERFMON are needed), UNIMPLEMENTED (kernel without BTF, BPF trampolines
  // or ring buffers). The message names the remedy.
  static absl::StatusOr<std::unique_ptr<RunTimeOracle>> Attach();
  ~RunTimeOracle();
  RunTimeOracle(const RunTimeOracle&) = delete;
  RunTimeOracle& operator=(const RunTimeOracle&) = delete;

  // Calls visit for each switch since the last call: those of one CPU, and those of one thread, in their order.
  void Drain(absl::FunctionRef<void(const switch_out&)> visit);

  // Switches that found no room because nobody drained. One system call, like RecursionMisses().
  uint64_t Drops() const;
  // Times the kernel did not run the program because it was already running.
  uint64_t RecursionMisses() const;

 private:
  struct Skeleton;
  explicit RunTimeOracle(std::unique_ptr<Skeleton> skeleton);

  std::unique_ptr<Skeleton> skeleton_;
};

}  // namespace vrapl
