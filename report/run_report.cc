#include "report/run_report.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "report/curves.h"
#include "report/page.h"
#include "report/page_data.h"
#include "sampler/run_phases.h"

namespace vrapl {
namespace {

// `all_models`, where it is not null, gets what every model says, the ones that were asked for first.
absl::StatusOr<RunTotals> AddUp(const RecordedRun& run, const ReplayWindows& replay, const RunReportOptions& options,
                                RunTotals* all_models) {
  ReplayOptions windows = options.replay;
  if (all_models != nullptr && windows.models.empty()) windows.models = run.models;
  const size_t asked = windows.models.empty() ? SIZE_MAX : windows.models.size();
  if (all_models != nullptr && asked != SIZE_MAX) {
    for (const Model model : ModelsToCompare(run)) {
      const auto known = std::find(windows.models.begin(), windows.models.end(), model);
      if (known == windows.models.end()) windows.models.push_back(model);
    }
  }
  // A part of the run begins and ends between two flushes.
  const bool a_part = windows.from_ns > 0 || windows.to_ns < run.duration_ns;
  if (a_part && windows.window_ns == 0 && !windows.window_per_phase) windows.window_ns = run.period_ns;
  RunTotals totals;
  if (absl::Status status = replay(windows,
                                   [&](const FlushReport& report) {
                                     totals.Add(report, asked);
                                     if (all_models != nullptr) all_models->Add(report);
                                   });
      !status.ok()) {
    return status;
  }
  if (totals.windows() == 0) {
    return absl::InvalidArgumentError(run.duration_ns == 0
                                          ? absl::StrCat(run.path, " holds no sample")
                                          : absl::StrCat("no sample lies between --from and --to; the recording is ",
                                                         run.duration_ns / 1'000'000, " ms long"));
  }
  return totals;
}

absl::StatusOr<std::vector<Phase>> AddUpPhases(const RecordedRun& run, const ReplayWindows& replay,
                                               const RunReportOptions& options) {
  std::vector<Phase> phases;
  const std::vector<RecordedRun::Mark> begins = PhasesOf(run);
  if (begins.empty()) return phases;
  ReplayOptions windows = options.replay;
  windows.window_ns = 0;
  windows.window_per_phase = true;
  const absl::Status status = replay(windows, [&](const FlushReport& report) {
    const absl::string_view label = PhaseAt(begins, report.t_ns - report.dt_ns / 2);
    phases.push_back({.label = label.empty() ? absl::StrCat("(", NameOfNoPhase(run), ")") : std::string(label)});
    phases.back().totals.Add(report);
  });
  if (!status.ok()) return status;
  return phases;
}

}  // namespace

absl::StatusOr<RunReport> MakeRunReport(const RecordedRun& run, const ReplayWindows& replay,
                                        const RunReportOptions& options, MethodsFormat methods) {
  RunTotals all_models;
  const absl::StatusOr<RunTotals> totals = AddUp(run, replay, options, &all_models);
  if (!totals.ok()) return totals.status();
  const CurveOwners owners(*totals, options.most_vms, options.only_vms);
  if (!owners.unknown_vms().empty()) {
    return absl::NotFoundError(
        absl::StrCat(run.path, ": no VM in it is called ", absl::StrJoin(owners.unknown_vms(), " or ")));
  }
  const absl::StatusOr<std::vector<Phase>> phases = AddUpPhases(run, replay, options);
  if (!phases.ok()) return phases.status();

  const int64_t duration_ns = totals->end_ns() - totals->begin_ns();
  const size_t packages = totals->samplers().size();
  const size_t tracks = (owners.entries().size() + 1) * (packages > 1 ? packages + 1 : 1);
  const int64_t finest_ns = std::max<int64_t>({options.replay.window_ns, run.period_ns, 1});
  Curves curves(owners, *totals, FinestBinNs(duration_ns, finest_ns, tracks, options.curve_bytes));
  // What everybody else shows: means over a flush, on the same axis.
  Curves told(owners, *totals, std::max<int64_t>(run.flush_ns, 1));
  ReplayOptions windows = options.replay;
  windows.window_ns = finest_ns;
  windows.window_per_phase = false;
  windows.from_ns = totals->begin_ns();
  windows.to_ns = totals->end_ns();
  const absl::Status status = replay(windows, [&](const FlushReport& report) {
    curves.Add(report);
    told.Add(report);
  });
  if (!status.ok()) return status;

  const std::vector<PyramidLevel> told_level = told.TakeLevels();
  const std::vector<ReportWarning> warnings = WarningsOf(run, *totals);
  const ReportParts parts{.run = run,
                          .totals = *totals,
                          .all_models = all_models,
                          .owners = owners,
                          .curves = curves,
                          .told = told_level,
                          .phases = *phases,
                          .warnings = warnings,
                          .methods = MethodsText(run, *totals, MethodsFormat::kMarkdown)};
  return RunReport{.page = MakePage(PageData(parts)), .methods = MethodsText(run, *totals, methods)};
}

absl::StatusOr<std::string> MakeMethods(const RecordedRun& run, const ReplayWindows& replay,
                                        const RunReportOptions& options, MethodsFormat format) {
  const absl::StatusOr<RunTotals> totals = AddUp(run, replay, options, nullptr);
  if (!totals.ok()) return totals.status();
  return MethodsText(run, *totals, format);
}

}  // namespace vrapl
