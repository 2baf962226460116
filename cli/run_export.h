// The values of every run in a file: FILE.csv, FILE.json or FILE.jsonl.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cli/run_result.h"
#include "export/output_file.h"

namespace vrapl {

class RunExport {
 public:
  // One that is there is replaced only when `force`, and at the end: until then the values are in FILE.part-XXXXXX
  // beside it. Errors: INVALID_ARGUMENT for another extension, ALREADY_EXISTS, and those of the file system.
  static absl::StatusOr<std::unique_ptr<RunExport>> Create(const std::string& path, bool force);

  // CSV and JSON lines are in the temporary file when this returns, and stay there where the disk takes no more, which
  // the error says; JSON is one object, written at the end.
  absl::Status Add(const RunsInfo& info, const RunResult& result);
  // Puts the file into its place; where no command could be started, what was there stays.
  absl::Status Finish(const RunsInfo& info, const std::optional<OwnCost>& own_cost);

 private:
  enum class Kind { kCsv, kJson, kJsonl };
  RunExport(Kind kind, OutputFile file) : kind_(kind), file_(std::move(file)) {}
  absl::Status Write(const std::string& text);

  const Kind kind_;
  OutputFile file_;
  bool begun_ = false;              // something is in the file
  bool any_ran_ = false;            // of the commands
  std::vector<RunResult> results_;  // for JSON
};

}  // namespace vrapl
