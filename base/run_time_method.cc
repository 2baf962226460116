#include "base/run_time_method.h"

namespace vrapl {

absl::string_view RunTimeMethodName(RunTimeMethod method) {
  switch (method) {
    case RunTimeMethod::kBpf:
      return "bpf";
    case RunTimeMethod::kRawTp:
      return "raw-tp";
    case RunTimeMethod::kBpfKtime:
      return "bpf-ktime";
    case RunTimeMethod::kRawTpKtime:
      return "raw-tp-ktime";
    case RunTimeMethod::kSchedstat:
      return "schedstat";
  }
  return "unknown";
}

std::optional<RunTimeMethod> RunTimeMethodOfName(absl::string_view name) {
  for (const RunTimeMethod method : kRunTimeMethods) {
    if (RunTimeMethodName(method) == name) return method;
  }
  return std::nullopt;
}

absl::string_view RunTimeError(RunTimeMethod method) {
  switch (method) {
    case RunTimeMethod::kBpf:
    case RunTimeMethod::kRawTp:
      return "every switch, by the scheduler's own clock; stolen time told apart";
    case RunTimeMethod::kBpfKtime:
    case RunTimeMethod::kRawTpKtime:
      return "every switch, by CLOCK_MONOTONIC; stolen and interrupt time count as run time of whoever was on the CPU, "
             "and a switch that the kernel hides is not noticed";
    case RunTimeMethod::kSchedstat:
      return "the kernel's accounts of the VMs' threads, brought up to date at switches and timer ticks (1 to 10 ms); "
             "idle time in steps of 10 ms; all else is one row";
  }
  return "";
}

}  // namespace vrapl
