// Counters of which it was measured before the run when they move, for hosts that are made: without that no error of
// their energy is known.
#pragma once

#include <vector>

#include "base/clock.h"
#include "base/update_edges.h"

namespace vrapl {

inline std::vector<std::vector<UpdateSummary>> UpdatesEachMs(size_t packages = 1, size_t domains = 2) {
  const UpdateSummary each_ms{
      .reads = 400, .edges = 200, .empty = 200, .period_ns = kNanosPerMilli, .period_err_ns = 50, .jitter_ns = 1000};
  return {packages, std::vector<UpdateSummary>(domains, each_ms)};
}

}  // namespace vrapl
