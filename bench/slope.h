// What each further one costs: a line through medians, so that what was interrupted says nothing.
#pragma once

#include <cstdint>
#include <vector>

#include "bench/paired.h"

namespace vrapl {

// What was measured at one size.
struct AtSize {
  double size;
  std::vector<double> ns;
};

// Slope of the line by least squares through the median of each size, in ns for one more, with its 95 % interval by
// bootstrap within the sizes. All 0 for fewer than two different sizes.
Spread SlopeOf(const std::vector<AtSize>& sizes, uint32_t seed = 1);

}  // namespace vrapl
