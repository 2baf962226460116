#include "ground_truth/accuracy_table.h"

#include <algorithm>
#include <functional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace vrapl {
namespace {

// In the order in which they came.
template <typename T>
std::vector<T> Distinct(const std::vector<ScoredRun>& runs, const std::function<T(const ScoredRun&)>& key) {
  std::vector<T> found;
  for (const ScoredRun& run : runs) {
    if (std::find(found.begin(), found.end(), key(run)) == found.end()) found.push_back(key(run));
  }
  return found;
}

std::string Percent(double part) {
  const double percent = 100 * part;
  return percent >= 99.95 ? absl::StrFormat("%.0f", percent) : absl::StrFormat("%.1f", percent);
}

struct Column {
  double mean = 0;
  double worst = 0;
  int runs = 0;
};

using Pick = double (*)(const ModelScore&);

std::string Table(const std::vector<ScoredRun>& runs, int window, Pick mean, Pick worst) {
  const auto models = Distinct<Model>(runs, [](const ScoredRun& run) { return run.score.model; });
  const auto scenarios = Distinct<std::string>(runs, [](const ScoredRun& run) { return run.scenario; });
  std::string text = absl::StrFormat("| %-22s |", "scenario");
  for (const Model model : models) absl::StrAppendFormat(&text, " %15s |", ModelName(model));
  absl::StrAppend(&text, "\n| ", std::string(22, '-'), " |");
  for (size_t i = 0; i < models.size(); ++i) absl::StrAppend(&text, " ", std::string(14, '-'), ": |");
  for (const std::string& scenario : scenarios) {
    absl::StrAppendFormat(&text, "\n| %-22s |", scenario);
    for (const Model model : models) {
      Column cell;
      for (const ScoredRun& run : runs) {
        if (run.scenario != scenario || run.score.model != model || run.score.window_samples != window) continue;
        cell.mean += mean(run.score);
        cell.worst = std::max(cell.worst, worst(run.score));
        ++cell.runs;
      }
      const std::string shown =
          cell.runs == 0 ? "-" : absl::StrCat(Percent(cell.mean / cell.runs), " (", Percent(cell.worst), ")");
      absl::StrAppendFormat(&text, " %15s |", shown);
    }
  }
  return absl::StrCat(text, "\n");
}

std::string WindowName(int samples) {
  return samples < 1000 ? absl::StrCat(samples, " ms") : absl::StrCat(samples / 1000, " s");
}

}  // namespace

std::string AccuracyCsv(const std::vector<ScoredRun>& runs) {
  std::string csv =
      "scenario,seed,model,window_ns,mean_error,worst_error,worst_vm,whole_worst_error,misplaced,split_error,stood_"
      "in,covered,half_width,interval_score,ideal_error\n";
  for (const ScoredRun& run : runs) {
    const ModelScore& score = run.score;
    absl::StrAppendFormat(&csv, "%s,%d,%s,%d,%.6f,%.6f,%s,%.6f,%.6f,%.6f,%.6f,%.6f,%.6f,%.6f,%.6f\n", run.scenario,
                          run.seed, ModelName(score.model), int64_t{1'000'000} * score.window_samples, score.mean_error,
                          score.worst_error, run.worst_vm, score.whole_worst_error, score.misplaced, score.split_error,
                          score.stood_in, score.covered, score.half_width, score.interval_score, score.ideal_error);
  }
  return csv;
}

std::string AccuracyTables(const std::vector<ScoredRun>& runs) {
  const auto windows = Distinct<int>(runs, [](const ScoredRun& run) { return run.score.window_samples; });
  if (windows.empty()) return "";
  std::string text;
  for (const int window : windows) {
    absl::StrAppend(&text, "Windows of ", WindowName(window),
                    ": error of a VM's energy, %; mean over VMs and seeds (worst VM of any)\n\n",
                    Table(
                        runs, window, [](const ModelScore& score) { return score.mean_error; },
                        [](const ModelScore& score) { return score.worst_error; }),
                    "\n");
  }
  const int longest = *std::max_element(windows.begin(), windows.end());
  const auto both = [&](absl::string_view title, Pick pick) {
    absl::StrAppend(&text, title, "\n\n", Table(runs, longest, pick, pick), "\n");
  };
  both("The whole time as one window: error of the worst VM, %; mean over seeds (worst)",
       [](const ModelScore& score) { return score.whole_worst_error; });
  both("Energy charged to the wrong VM, the floor aside, % of what VMs were charged; mean over seeds (worst)",
       [](const ModelScore& score) { return score.split_error; });
  both(absl::StrCat("Misplaced in windows of ", WindowName(longest),
                    ": sum of all errors, % of active energy; mean over seeds (worst)"),
       [](const ModelScore& score) { return score.misplaced; });
  absl::StrAppend(
      &text, "Of windows of ", WindowName(longest),
      " of a VM, how many its 95 % interval held, %, mean over seeds (half width of the interval, % of the energy)\n\n",
      Table(
          runs, longest, [](const ModelScore& score) { return score.covered; },
          [](const ModelScore& score) { return score.half_width; }),
      "\n");
  both("Interval score: width and 40 times what was missed by, % of the energy; mean over seeds (worst)",
       [](const ModelScore& score) { return score.interval_score; });
  both("What one power per VM would miss if it and the floor were known, %; mean over seeds (worst)",
       [](const ModelScore& score) { return score.ideal_error; });
  both("Windows in which another model stood in, %; mean over seeds (worst)",
       [](const ModelScore& score) { return score.stood_in; });
  return text;
}

}  // namespace vrapl
