// How short a window may be: what the updates of each counter mean for a figure, as rows of a table.
#pragma once

#include <string>
#include <vector>

#include "probe/findings.h"

namespace vrapl {

// The head, then for each counter of the package the 95 % half width of its energy in windows from 1 ms to 2 s, and
// from which window on it is within 1 %, at `watts`; where period and jitter were measured a second row for samples
// taken at the updates (--align=edge). Counters whose updates were not seen have no row; no rows at all without any.
std::vector<std::vector<std::string>> HonestWindows(const PackageFindings& package, double watts);

}  // namespace vrapl
