#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "ground_truth/accuracy_table.h"

namespace vrapl {
namespace {

using Scores = std::vector<CoverageScore>;

void AddTo(Scores& sums, const Scores& scores) {
  sums.resize(std::max(sums.size(), scores.size()));
  for (size_t i = 0; i < scores.size(); ++i) sums[i].Add(scores[i]);
}

std::string Line(absl::string_view name, const Scores& scores) {
  std::string line = absl::StrFormat("| %-27s |", name);
  for (const CoverageScore& score : scores) {
    const std::string shown = absl::StrFormat("%.1f, +-%.3g", 100 * score.coverage(),
                                              score.energy_uj > 0 ? 50 * score.width_uj / score.energy_uj : 0.0);
    absl::StrAppendFormat(&line, " %14s |", shown);
  }
  return absl::StrCat(line, "\n");
}

}  // namespace

std::string CoverageCsv(const std::vector<CoveredRun>& runs) {
  std::string csv = "scenario,seed,energy_of,window_ns,intervals,covered,half_width,interval_score\n";
  for (const CoveredRun& run : runs) {
    const auto append = [&](absl::string_view what, const Scores& scores) {
      for (const CoverageScore& score : scores) {
        absl::StrAppendFormat(&csv, "%s,%d,%s,%d,%d,%d,%.6f,%.6f\n", run.scenario, run.seed, what,
                              int64_t{1'000'000} * score.window_samples, score.intervals, score.covered,
                              score.width_uj / 2 / score.energy_uj, score.score_uj / score.energy_uj);
      }
    };
    append("host", run.result.host);
    append("vm", run.result.vms);
  }
  return csv;
}

std::string CoverageTable(const std::vector<CoveredRun>& runs) {
  if (runs.empty()) return "";
  std::string text =
      "Energy measured within its 95 % interval, % of windows; half width of the interval, % of a window's energy\n\n";
  absl::StrAppendFormat(&text, "| %-27s |", "scenario");
  for (const CoverageScore& score : runs.front().result.host) {
    absl::StrAppendFormat(&text, " %14s |", absl::StrCat(score.window_samples, " ms"));
  }
  absl::StrAppend(&text, "\n| ", std::string(27, '-'), " |");
  for (size_t i = 0; i < runs.front().result.host.size(); ++i) absl::StrAppend(&text, " ", std::string(13, '-'), ": |");
  absl::StrAppend(&text, "\n");
  Scores all_host, all_vms;
  for (size_t i = 0; i < runs.size();) {
    const std::string& scenario = runs[i].scenario;
    Scores host, vms;
    for (; i < runs.size() && runs[i].scenario == scenario; ++i) {
      AddTo(host, runs[i].result.host);
      AddTo(vms, runs[i].result.vms);
    }
    absl::StrAppend(&text, Line(absl::StrCat(scenario, ", host"), host), Line(absl::StrCat(scenario, ", VMs"), vms));
    AddTo(all_host, host);
    AddTo(all_vms, vms);
  }
  return absl::StrCat(text, Line("all, host", all_host), Line("all, VMs", all_vms));
}

}  // namespace vrapl
