#include "cli/run_recording.h"

#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"

namespace vrapl {

absl::StatusOr<std::unique_ptr<RunRecording>> RunRecording::Create(const RecordingArguments& arguments, int argc,
                                                                   char** argv) {
  absl::StatusOr<std::optional<DaemonOptions::Recording>> recording = ToRecording(arguments, "run", argc, argv);
  if (!recording.ok()) return recording.status();
  std::unique_ptr<RunRecording> made(new RunRecording());
  made->recording_ = **std::move(recording);
  if (::access(made->recording_.path.c_str(), F_OK) != 0) return made;
  absl::StatusOr<OutputFile> beside = OutputFile::Create(made->recording_.path, arguments.force);
  if (!beside.ok()) return beside.status();
  made->recording_.path = beside->temporary_path();
  made->recording_.force = true;  // our own, and empty yet
  made->beside_.emplace(*std::move(beside));
  return made;
}

absl::Status RunRecording::Finish(bool any_ran, const absl::Status& status) {
  if (!beside_) {
    // One that came there meanwhile is none of ours.
    struct stat there {};
    const bool is_file = ::lstat(recording_.path.c_str(), &there) == 0 && S_ISREG(there.st_mode);
    if (!any_ran && is_file && !absl::IsAlreadyExists(status)) ::unlink(recording_.path.c_str());
    return status;
  }
  if (!any_ran) {
    beside_.reset();
    return status;
  }
  if (status.ok()) {
    absl::Status placed = beside_->Commit();
    if (placed.ok()) return placed;
    return absl::Status(placed.code(), absl::StrCat(placed.message(), "; the recording is ", beside_->Keep()));
  }
  return absl::Status(status.code(), absl::StrCat(status.message(), "; what could be stored is in ", beside_->Keep(),
                                                  ", and ", beside_->path(), " is as it was"));
}

}  // namespace vrapl
