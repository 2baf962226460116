#include "cli/run_export.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/run_csv.h"
#include "cli/run_json.h"

namespace vrapl {

absl::StatusOr<std::unique_ptr<RunExport>> RunExport::Create(const std::string& path, bool force) {
  Kind kind = Kind::kCsv;
  if (absl::EndsWith(path, ".json")) {
    kind = Kind::kJson;
  } else if (absl::EndsWith(path, ".jsonl")) {
    kind = Kind::kJsonl;
  } else if (!absl::EndsWith(path, ".csv")) {
    return absl::InvalidArgumentError(absl::StrCat(
        "-o ", path, ": the name ends in .csv, .json or .jsonl, or in .vrapl for a recording of all of it"));
  }
  absl::StatusOr<OutputFile> file = OutputFile::Create(path, force);
  if (!file.ok()) return absl::Status(file.status().code(), absl::StrCat("-o ", file.status().message()));
  return std::unique_ptr<RunExport>(new RunExport(kind, *std::move(file)));
}

absl::Status RunExport::Write(const std::string& text) {
  absl::Status status = file_.Write(text);
  if (status.ok()) status = file_.Flush();
  if (status.ok()) {
    begun_ = true;
    return status;
  }
  if (!begun_) return status;
  return absl::Status(status.code(), absl::StrCat(status.message(), "; the runs before are in ", file_.Keep()));
}

absl::Status RunExport::Add(const RunsInfo& info, const RunResult& result) {
  any_ran_ |= result.end.error.empty();
  if (kind_ == Kind::kCsv) return Write(absl::StrCat(begun_ ? "" : RunCsvHeader(), RunToCsv(info, result)));
  if (kind_ == Kind::kJsonl) return Write(RunToJson(info, result) + "\n");
  results_.push_back(result);
  return absl::OkStatus();
}

absl::Status RunExport::Finish(const RunsInfo& info, const std::optional<OwnCost>& own_cost) {
  if (!any_ran_) return absl::OkStatus();
  absl::Status status;
  if (kind_ == Kind::kJson) {
    status = Write(RunsToJson(info, results_, own_cost) + "\n");
  } else if (kind_ == Kind::kJsonl && own_cost) {
    status = Write(OwnCostToJson(*own_cost) + "\n");
  }
  if (!status.ok()) return status;
  status = file_.Commit();
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat(status.message(), "; the runs are in ", file_.Keep()));
}

}  // namespace vrapl
