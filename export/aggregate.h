// The rows of a window summed as somebody wants to see them. Pure: a report in, rows out, nothing kept in between.
//
// Laws: for each model and domain, energy_ticks sum to the same whatever `by` is. Energies in microjoules are sums of
// differences of rounded totals, so over time they telescope, and do not depend on where one begins to look. Those of
// kPart, kThread and kVm sum to the same; a counter's own (kPackage, kDomain) and the sum of its rows' may differ by
// less than one for each row.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "export/export_row.h"
#include "sampler/flush_report.h"

namespace vrapl {

enum class By {
  kPart,     // a row as the ledger has it: each part of each VM on each counter
  kThread,   // each thread on each counter; the report must have been made so (ReplayOptions::by_thread)
  kVm,       // the parts of a VM together
  kPackage,  // each counter, kind "host"
  kDomain,   // each domain of all packages, kind "host"
};

absl::string_view ByName(By by);  // "part", "thread", "vm", "package", "domain"
std::optional<By> ByOfName(absl::string_view name);
std::vector<std::string> ByNames();

// Rows of one report. Their texts point into the report and into `names`.
struct Aggregate {
  std::vector<ExportRow> rows;
  std::deque<std::string> names;
};

// `phase` of each row is left empty. Rows of kind "host" have as run time what was neither idle nor stolen.
Aggregate AggregateRows(const FlushReport& report, By by);

}  // namespace vrapl
