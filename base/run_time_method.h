// How run time is known: by a BPF program at each switch, and which kind of it, or by the kernel's own accounts.
#pragma once

#include <optional>

#include "absl/strings/string_view.h"

namespace vrapl {

// From the best to the last resort.
enum class RunTimeMethod {
  kBpf,         // tp_btf/sched_switch, stamped by the scheduler's own clock
  kRawTp,       // the same at raw_tp/sched_switch, for kernels without BPF trampolines
  kBpfKtime,    // tp_btf, stamped by CLOCK_MONOTONIC: the run queue cannot be reached
  kRawTpKtime,  // raw_tp, stamped by CLOCK_MONOTONIC
  kSchedstat,   // no BPF: /proc/PID/task/TID/schedstat of the VMs' threads
};

inline constexpr RunTimeMethod kRunTimeMethods[] = {RunTimeMethod::kBpf, RunTimeMethod::kRawTp,
                                                    RunTimeMethod::kBpfKtime, RunTimeMethod::kRawTpKtime,
                                                    RunTimeMethod::kSchedstat};

// "bpf", "raw-tp", "bpf-ktime", "raw-tp-ktime", "schedstat".
absl::string_view RunTimeMethodName(RunTimeMethod method);
std::optional<RunTimeMethod> RunTimeMethodOfName(absl::string_view name);

// What is known to be wrong with run time of this method, in one line for a person: "exact to the scheduler's own
// clock" and the like.
absl::string_view RunTimeError(RunTimeMethod method);

// Every switch, by the scheduler's own clock: what the kernel itself counts by.
inline constexpr bool IsExact(RunTimeMethod method) {
  return method == RunTimeMethod::kBpf || method == RunTimeMethod::kRawTp;
}

inline constexpr bool UsesKtime(RunTimeMethod method) {
  return method == RunTimeMethod::kBpfKtime || method == RunTimeMethod::kRawTpKtime;
}

}  // namespace vrapl
