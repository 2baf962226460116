// `-o FILE.vrapl`: the option, and how far a recording has come, on stderr.
#pragma once

#include <optional>
#include <string>

#include "cli/arguments.h"

namespace vrapl {

struct RecordingArguments {
  std::string path;
  bool force = false;
};

// Writing the output over the recording that it is made from would lose the recording. Errors: INVALID_ARGUMENT when
// the two are the same file.
absl::Status RefuseSameFile(const std::string& recording, const std::string& output);

// -o, --output and --force.
void AddRecordingOptions(CLI::App& app, RecordingArguments& arguments);

// nullopt: nothing is to be recorded. `verb` and argv are stored, as typed. Errors: another format's file name, a file
// that exists, a directory that is not there or may not be written; told before anything is measured.
absl::StatusOr<std::optional<DaemonOptions::Recording>> ToRecording(const RecordingArguments& arguments,
                                                                    absl::string_view verb, int argc, char** argv);

// One line for a person, rewritten in place on a terminal, else once every ten seconds.
class RecordingProgress {
 public:
  explicit RecordingProgress(std::string path);
  void Tell(const FlushReport& report);
  void Finish(const FlushReport& report);

 private:
  std::string Line(const FlushReport& report, bool finished) const;

  const std::string path_;
  const bool terminal_;
  int64_t told_ns_ = 0;
  std::string told_error_;
};

}  // namespace vrapl
