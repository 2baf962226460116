// A flush as a block of text for a person.
#pragma once

#include <string>
#include <vector>

#include "sampler/flush_report.h"

namespace vrapl {

struct TextStyle {
  bool lines = true;     // the lines that guests were sent
  int curve_width = 60;  // columns of the power curve of each VM; 0: none
};

// The host's ledger (package and DRAM together), the sum against the counters, each VM's power curve and line, how
// well the sampler kept its rate. At most 100 columns: longer lines are folded at spaces. Ends in an empty line.
std::string FlushToText(const FlushReport& report, const TextStyle& style);

// `values` as `width` columns of eight heights, each the mean of its part; `most` is the full height.
std::string Sparkline(const std::vector<float>& values, int width, float most);

}  // namespace vrapl
