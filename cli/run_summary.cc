#include "cli/run_summary.h"

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cli/run_text.h"

namespace vrapl {
namespace {

double Seconds(int64_t ns) { return static_cast<double>(ns) * 1e-9; }
double InJoules(int64_t uj) { return static_cast<double>(uj) * 1e-6; }

// Values by name, in the order in which the names came.
class Figures {
 public:
  void Add(const std::string& name, double value) {
    const auto [place, is_new] = places_.emplace(name, figures_.size());
    if (is_new) figures_.push_back({name});
    figures_[place->second].value += value;
  }
  std::vector<Figure> Take() { return std::move(figures_); }

 private:
  std::map<std::string, size_t> places_;
  std::vector<Figure> figures_;
};

}  // namespace

std::vector<Figure> FiguresOf(const RunsInfo& info, const RunResult& result) {
  Figures figures;
  figures.Add("wall time s", Seconds(result.wall_ns));
  const auto add_lines = [&](const Interval& interval, const std::string& prefix) {
    for (const auto& [name, line] : LinesOf(info, interval)) {
      if (name != "command" && name.rfind("vm ", 0) != 0) continue;
      figures.Add(absl::StrCat(prefix, name, " run time s"), Seconds(line.run_time_ns));
      for (const auto& [key, energy_uj] : line.energy_uj) {
        figures.Add(absl::StrCat(prefix, name, " ", CounterName(key), " J"), InJoules(energy_uj));
      }
    }
  };
  add_lines(result.whole, "");
  for (const auto& [key, counter] : result.whole.counters) {
    figures.Add(absl::StrCat("host ", CounterName(key), " J"), InJoules(counter.energy_uj));
  }
  for (const Interval& phase : result.phases) {
    const std::string label = absl::StrCat("[", phase.label.empty() ? "before" : phase.label, "] ");
    figures.Add(label + "time s", Seconds(phase.dt_ns));
    add_lines(phase, label);
  }
  return figures.Take();
}

CommandSummary SummarizeRuns(const RunsInfo& info, const std::vector<RunResult>& results, int command) {
  struct Values {
    std::vector<double> values;
    std::vector<int> repetitions;  // whose they are
  };
  CommandSummary summary;
  std::vector<std::string> order;
  std::map<std::string, Values> found;
  for (const RunResult& result : results) {
    if (result.plan.command != command || result.plan.warmup) continue;
    if (summary.first == nullptr) summary.first = &result;
    ++summary.runs;
    summary.missed_forks += result.missed_forks;
    if (result.end.exit_code != 0) {
      if (summary.first_failed == nullptr) summary.first_failed = &result;
      ++summary.failed;
      continue;
    }
    if (result.interrupted) {
      ++summary.interrupted;
      continue;
    }
    for (const Figure& figure : FiguresOf(info, result)) {
      const auto [place, is_new] = found.try_emplace(figure.name);
      if (is_new) order.push_back(figure.name);
      place->second.values.push_back(figure.value);
      place->second.repetitions.push_back(result.plan.repetition);
    }
  }
  for (const std::string& name : order) {
    const Values& of = found.at(name);
    FigureSummary figure{.name = name, .median = SummarizeMedian(of.values)};
    for (const size_t i : OutliersByMad(of.values)) figure.outliers.push_back(of.repetitions[i]);
    summary.figures.push_back(std::move(figure));
  }
  return summary;
}

}  // namespace vrapl
