// Scores of many runs as tables to read (Markdown, aligned), and as CSV.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ground_truth/accuracy.h"
#include "ground_truth/coverage.h"

namespace vrapl {

struct ScoredRun {
  std::string scenario;
  uint64_t seed = 0;
  ModelScore score;
  std::string worst_vm;  // its name
};

// One row per run, model and window; errors as parts of the truth.
std::string AccuracyCsv(const std::vector<ScoredRun>& runs);

// For each length of window, a table of scenarios by models: mean error of a VM over all seeds, and the worst VM of any
// seed. Then the whole time, the split, and what was misplaced.
std::string AccuracyTables(const std::vector<ScoredRun>& runs);

struct CoveredRun {
  std::string scenario;
  uint64_t seed = 0;
  CoverageResult result;
};

// One row per run, length of window, and "host" or "vm".
std::string CoverageCsv(const std::vector<CoveredRun>& runs);

// For each scenario, all seeds together: how often intervals held the truth, and their half width as a part of the mean
// energy of such a window.
std::string CoverageTable(const std::vector<CoveredRun>& runs);

}  // namespace vrapl
