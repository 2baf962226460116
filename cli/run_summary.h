// What the runs of one command say together, for whoever prints or writes it. Pure.
#pragma once

#include <string>
#include <vector>

#include "cli/median.h"
#include "cli/run_result.h"

namespace vrapl {

// The figures of a run that are worth a median: "wall time s", "command package-0 J", ... In the order of the first.
// Each name once: phases that have the same label are added up, since they are no runs of their own.
struct Figure {
  std::string name;
  double value = 0;
};
std::vector<Figure> FiguresOf(const RunsInfo& info, const RunResult& result);

struct FigureSummary {
  std::string name;
  MedianSummary median;       // of the runs that have the figure, which may not be all
  std::vector<int> outliers;  // repetitions, from 0
};

// Figures are of the runs that ended with 0 and that no signal met: another did not do the work that is compared.
struct CommandSummary {
  const RunResult* first = nullptr;         // of all; null: there was none
  const RunResult* first_failed = nullptr;  // null: none did
  size_t runs = 0;
  size_t failed = 0;
  size_t interrupted = 0;  // of those that did not fail
  uint64_t missed_forks = 0;
  std::vector<FigureSummary> figures;

  size_t good() const { return runs - failed - interrupted; }
};

// Of the runs of `command` that are no warm-ups. `results` must outlive what is returned.
CommandSummary SummarizeRuns(const RunsInfo& info, const std::vector<RunResult>& results, int command);

}  // namespace vrapl
