// The values of every run in a file: FILE.csv, FILE.json or FILE.jsonl.
#pragma once

#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cli/run_result.h"

namespace vrapl {

class RunExport {
 public:
  // Creates the file; one that is there is replaced only when `force`. Errors: INVALID_ARGUMENT for another extension,
  // ALREADY_EXISTS, and those of the file system.
  static absl::StatusOr<std::unique_ptr<RunExport>> Create(const std::string& path, bool force);
  // Removes the file where nothing has been written to it.
  ~RunExport();
  RunExport(const RunExport&) = delete;
  RunExport& operator=(const RunExport&) = delete;

  // CSV and JSON lines are in the file when this returns; JSON is one object, written at the end.
  absl::Status Add(const RunsInfo& info, const RunResult& result);
  absl::Status Finish(const RunsInfo& info, const std::optional<OwnCost>& own_cost);

 private:
  enum class Kind { kCsv, kJson, kJsonl };
  RunExport(std::string path, Kind kind, std::FILE* file, bool created)
      : path_(std::move(path)), kind_(kind), file_(file), created_(created) {}
  absl::Status Write(const std::string& text);

  const std::string path_;
  const Kind kind_;
  std::FILE* file_;
  const bool created_;  // by us: there was none
  bool written_ = false;
  std::vector<RunResult> results_;  // for JSON
};

std::string RunCsvHeader();
std::string RunToCsv(const RunsInfo& info, const RunResult& result);  // a line for each row of each phase
std::string RunToJson(const RunsInfo& info, const RunResult& result);

}  // namespace vrapl
