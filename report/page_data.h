// Everything that the page shows, as JSON: what report/charts/*.js unpack and draw. Threads: any.
#pragma once

#include <string>
#include <vector>

#include "report/curves.h"
#include "report/run_totals.h"
#include "report/warnings.h"
#include "sampler/replay.h"

namespace vrapl {

// One stretch between two marks, or before the first.
struct Phase {
  std::string label;
  RunTotals totals;
};

struct ReportParts {
  const RecordedRun& run;
  const RunTotals& totals;      // of the windows that guests were told, or would have been
  const RunTotals& all_models;  // the same by every model
  const CurveOwners& owners;
  Curves& curves;                         // is emptied
  const std::vector<PyramidLevel>& told;  // one level: bins of a flush
  const std::vector<Phase>& phases;       // none where there is no mark
  const std::vector<ReportWarning>& warnings;
  std::string methods;  // Markdown
};

// JSON in ASCII, without `<`, `>` and `&`: it can stand inside a script element whatever a VM is called.
std::string PageData(const ReportParts& parts);

}  // namespace vrapl
