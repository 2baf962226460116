// Runs a workload with switch log and oracle attached, as the sampler would read the log, and reports how far the two
// are apart. Plain C++: the tests use it, and so does a static program that carries it to other kernels.
#pragma once

#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "base/run_time_method.h"
#include "tests/bpf/check_report.h"
#include "tests/bpf/workloads.h"

namespace vrapl {

struct CheckOptions {
  double seconds = 1;
  std::optional<RunTimeMethod> method;  // else the best that the kernel takes
};

// Errors: those of SwitchLog::Attach() and RunTimeOracle::Attach(), and of reading /proc and /sys. A workload that
// cannot run here is no error: the report says why it was not run.
absl::StatusOr<CheckReport> CheckRunTime(Workload& workload, const CheckOptions& options);

}  // namespace vrapl
