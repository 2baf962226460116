// How the sampling of a package went, for people: the same words wherever they are printed.
#pragma once

#include <string>
#include <vector>

#include "sampler/flush_report.h"

namespace vrapl {

// Each line without indent and newline: counts, lateness, then what there is of stalls. `seconds`: how long it took, or
// 0 where that is said already.
std::vector<std::string> SamplerLines(const SamplerReport& sampler, double seconds = 0);

}  // namespace vrapl
