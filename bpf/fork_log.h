// Every thread and process that is made while this is attached, told before it runs for the first time: so a child that
// lives for microseconds has its parent known.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "base/run_time_method.h"
#include "bpf/fork_log_format.h"

namespace vrapl {

class ForkLog {
 public:
  // By the kind of program that `method`, which the switch log found to work here, uses; `btf` as there.
  //
  // Errors: PERMISSION_DENIED (CAP_BPF and CAP_PERFMON), UNIMPLEMENTED (kernel without BPF ring buffers, before 5.8, or
  // without the fields the program reads).
  static absl::StatusOr<std::unique_ptr<ForkLog>> Attach(RunTimeMethod method, const std::string& btf = "",
                                                         uint32_t ring_bytes = VRAPL_FORK_RING_BYTES);
  ~ForkLog();
  ForkLog(const ForkLog&) = delete;
  ForkLog& operator=(const ForkLog&) = delete;

  // Calls visit with each event since the last call, in their order: a thread's own before any of what it makes. Memory
  // access, no system call. Threads: one.
  void Drain(absl::FunctionRef<void(const fork_event&)> visit);

  // Events that found no room since this was attached: whose they were nobody knows. UINT64_MAX where the kernel does
  // not say. One system call.
  uint64_t Dropped() const;

 private:
  struct Skeleton;
  explicit ForkLog(std::unique_ptr<Skeleton> skeleton);
  std::unique_ptr<Skeleton> skeleton_;
};

}  // namespace vrapl
