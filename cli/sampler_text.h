// How the sampling of a package went, for people: the same words wherever they are printed.
#pragma once

#include <string>
#include <vector>

#include "sampler/flush_report.h"

namespace vrapl {

// Each line without indent and newline: counts, lateness, CPU time, then what there is of updates and stalls.
// `seconds`: since the start.
std::vector<std::string> SamplerLines(const SamplerReport& sampler, double seconds);

}  // namespace vrapl
