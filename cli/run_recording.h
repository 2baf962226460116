// `run -o FILE.vrapl`: where the recording is while it grows, and what becomes of it at the end.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cli/recording_output.h"
#include "export/output_file.h"

namespace vrapl {

// Where there is no FILE the recording grows under its name. One that is there stays until the new one is whole: that
// grows as FILE.part-XXXXXX beside it, which is a recording like any other, and is what a kill leaves.
class RunRecording {
 public:
  // Errors: as ToRecording().
  static absl::StatusOr<std::unique_ptr<RunRecording>> Create(const RecordingArguments& arguments, int argc,
                                                              char** argv);

  // Where it is to be recorded.
  const DaemonOptions::Recording& recording() const { return recording_; }

  // The run has ended, with `status`. `any_ran`: a command did; a recording without one is taken away. Returns
  // `status`, with the name of what is not in its place, or why it could not be put there.
  absl::Status Finish(bool any_ran, const absl::Status& status);

 private:
  RunRecording() = default;

  DaemonOptions::Recording recording_;
  std::optional<OutputFile> beside_;  // of a file that is to be replaced
};

}  // namespace vrapl
