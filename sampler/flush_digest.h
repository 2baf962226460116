// One number for all figures of a flush: equal figures, equal number. A recording keeps it, so that a replay can say
// whether it found what was found live.
#pragma once

#include <cstdint>

#include "sampler/flush_report.h"

namespace vrapl {

// Of interval, rows and counters, by the first model that is also `model`; rows in any order. 0: no such model.
uint32_t FlushDigest(const FlushReport& report, Model model);

}  // namespace vrapl
