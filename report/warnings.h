// What a reader of the figures must know before believing them: everything of a recording that is not as it should be.
// Threads: any.
#pragma once

#include <string>
#include <vector>

#include "report/run_totals.h"
#include "sampler/replay.h"

namespace vrapl {

struct ReportWarning {
  bool severe = false;  // figures are wrong or missing; else they are less exact than they could be
  std::string text;     // one sentence or two, without a line's end
};

// The severe ones first. That the energy is emulated is among them.
std::vector<ReportWarning> WarningsOf(const RecordedRun& run, const RunTotals& totals);

inline bool IsEmulated(const RecordedRun& run, const RunTotals& totals) {
  return run.source == "emulated" || totals.last().source == "emulated";
}

}  // namespace vrapl
