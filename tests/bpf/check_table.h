// Checks of run time under one of the loads, and what they found as a person reads it.
#pragma once

#include <optional>
#include <string>

#include "bpf/run_time_check.h"
#include "tests/bpf/workloads.h"

namespace vrapl {

struct WorkloadCheck {
  std::string workload;
  std::string refused;  // why this workload cannot run here; empty when it did
  RunTimeCheckReport report;
};

absl::StatusOr<WorkloadCheck> CheckWorkload(Workload& workload, double seconds,
                                            const RunTimeCheckOptions& options = {});

// A table in Markdown, one row per check.
std::string MarkdownHead();
std::string MarkdownRow(const WorkloadCheck& check);

// All figures that the table has no room for.
std::string Details(const WorkloadCheck& check);

}  // namespace vrapl
