// A report of a recording: one page that holds everything it needs, and the paragraph for a paper.
//
// A recording is gone through two or three times: for what it adds up to, as live; for curves, a window for each
// sample; and, where there are marks or runs of a command, for the phases that they make.
//
// Threads: any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "report/methods.h"
#include "sampler/replay.h"

namespace vrapl {

struct RunReportOptions {
  // Of its models the first is drawn. Its windows are those of the figures, and curves are no finer.
  ReplayOptions replay;
  std::vector<std::string> only_vms;  // names or UUIDs: only these get curves of their own
  size_t most_vms = 12;               // so many curves of VMs can be told apart
  size_t curve_bytes = 16'000'000;    // of the page, at most, about
};

struct RunReport {
  std::string page;     // HTML
  std::string methods;  // in the format that was asked for
};

// How the windows of a recording are had: Replay() of its path, or what a test makes.
using ReplayWindows =
    std::function<absl::Status(const ReplayOptions& options, absl::FunctionRef<void(const FlushReport&)> on_report)>;

// Errors: those of `replay`; INVALID_ARGUMENT when no window lies between from_ns and to_ns, NOT_FOUND for a VM of
// only_vms that is not in the recording.
absl::StatusOr<RunReport> MakeRunReport(const RecordedRun& run, const ReplayWindows& replay,
                                        const RunReportOptions& options,
                                        MethodsFormat methods = MethodsFormat::kMarkdown);

// The methods alone: the recording is gone through once.
absl::StatusOr<std::string> MakeMethods(const RecordedRun& run, const ReplayWindows& replay,
                                        const RunReportOptions& options, MethodsFormat format);

}  // namespace vrapl
