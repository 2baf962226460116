// Opening a recording, the same way for every verb that reads one: what is missing from it is told on stderr and in the
// exit code, and what was asked for must be in it.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/replay_arguments.h"
#include "sampler/given_base.h"
#include "sampler/learned_base.h"
#include "sampler/replay.h"

namespace vrapl {

// Reads and checks the recording that `arguments` name, before anything is made of it; `vms` are those that --vm names.
// Tells on stderr what a person must know before its figures: damage, an end that is missing, emulated hardware.
//
// Errors: INVALID_ARGUMENT, wrong usage: --from lies behind the last sample, --window is shorter than the
// time between samples. Else the file's own: it cannot be read, is
// no recording, holds no sample; NOT_FOUND: no VM in it has that name or UUID.
absl::StatusOr<RecordedRun> OpenRecording(const ReplayArguments& arguments, const std::vector<std::string>& vms);

// Tells on stderr, each once, what is wrong with the base powers that a replay goes by: a given one that cannot be, and
// at the end a learned one that says nothing.
class BaseNotices {
 public:
  void Add(const FlushReport& report);
  void Finish() const;

 private:
  GivenBaseWatch given_;
  LearnedBaseCheck learned_;
};

// INVALID_ARGUMENT: --from and --to leave no window of the recording.
absl::Status NoWindowThere(const RecordedRun& run);

// For a verb that has done its work: kExitDone, or kExitNotWhole where a part of the recording is missing.
int ExitCodeOf(const RecordedRun& run);

}  // namespace vrapl
