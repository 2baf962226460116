// Ways of doing one thing, measured side by side: blocks in shuffled order, the first way twice (A and A), so that the
// noise of the machine is in the result and not in the reader's imagination.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/clock.h"

namespace vrapl {

struct Way {
  std::string name;
  std::function<void(int64_t times)> run;  // does it `times` times
  // Around each block and not measured; may be empty.
  std::function<void()> before = nullptr;
  std::function<void()> after = nullptr;
};

struct Spread {
  double median = 0;
  double low = 0;  // interval of the median, by bootstrap
  double high = 0;
};

// `values` need not be sorted. `confidence`: 0.95 for a 95 % interval.
Spread MedianOf(const std::vector<double>& values, uint32_t seed = 1, double confidence = 0.95);

struct Comparison {
  struct Measured {
    std::string name;
    Spread ns;        // for one time
    Spread to_first;  // ratio to the first way, of blocks of the same round
    Spread above_ns;  // difference from it
  };
  std::vector<Measured> ways;
  // The first way against itself. Its 99 % interval must hold 1, or nothing here is told: of a hundred quiet machines
  // one is called noisy for nothing.
  Spread control;
  bool sound() const { return control.low <= 1 && 1 <= control.high; }
};

struct PairedOptions {
  int rounds = 60;       // each way once in each, and the first twice
  int64_t times = 2000;  // per block
  uint32_t seed = 1;
  const Clock* clock = &RealClock();
};

Comparison Compare(const std::vector<Way>& ways, const PairedOptions& options = {});

// A table in Markdown; where the control does not hold 1, a line that says so and no figures.
std::string Describe(const Comparison& comparison);

}  // namespace vrapl
