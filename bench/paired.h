// Ways of doing one thing, measured side by side: blocks in shuffled order, the first way twice (A and A), so that the
// noise of the machine is in the result and not in the reader's imagination.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"

namespace vrapl {

// What something counted by itself so far: how often, and how long that took.
struct Count {
  int64_t ns = 0;
  int64_t times = 0;
};

struct Way {
  std::string name;
  std::function<void(int64_t times)> run;  // does it `times` times
  // Around each block and not measured; may be empty.
  std::function<void()> before = nullptr;
  std::function<void()> after = nullptr;
  // Where the clock around a block would measure more than the way: a counter that only grows. A block costs what it
  // moved by while the block ran, divided by the times it counted.
  std::function<Count()> counter = nullptr;
  // What got lost so far. A way that lost anything, or whose counter counted nothing in a block, has no figures.
  std::function<uint64_t()> dropped = nullptr;
};

struct Spread {
  double median = 0;
  double low = 0;  // interval of the median, by bootstrap
  double high = 0;
};

// Of one value at least; leaves them in another order.
double MedianInPlace(std::vector<double>& values);

// `values` need not be sorted; those that are no number are left out. `confidence`: 0.95 for a 95 % interval.
Spread MedianOf(std::vector<double> values, uint32_t seed = 1, double confidence = 0.95);

struct Comparison {
  struct Measured {
    std::string name;
    Spread ns;              // for one time
    Spread net_ns;          // the same without what the floor cost in the same round; 0 for the floor itself
    Spread to_first;        // ratio to the first way, of blocks of the same round, both net of the floor
    Spread above_ns;        // difference from it
    std::string flaw = "";  // why there are no figures of this way; empty when there are
    std::vector<double> block_ns = {};  // for one time, in the order of the rounds
  };
  std::vector<Measured> ways;
  std::optional<size_t> floor;
  // The first way against itself. Its 99 % interval must hold 1, or nothing here is told: of a hundred quiet machines
  // one is called noisy for nothing.
  Spread control;
  bool sound() const {
    return control.low <= 1 && 1 <= control.high && ways.front().flaw.empty() && ways[floor.value_or(0)].flaw.empty();
  }
};

struct PairedOptions {
  int rounds = 60;       // each way once in each, and the first twice
  int64_t times = 2000;  // per block
  uint32_t seed = 1;
  const Clock* clock = &RealClock();
  // The way that does nothing but be measured: its cost is taken off that of the others. Not the first.
  std::optional<size_t> floor = std::nullopt;
};

Comparison Compare(const std::vector<Way>& ways, const PairedOptions& options = {});

// How much more one way cost than another, ns for one time, by blocks of the same round.
Spread Difference(const Comparison::Measured& way, const Comparison::Measured& other);

// A table in Markdown; where the control does not hold 1 or the first way has a flaw, a line that says so and no
// figures.
std::string Describe(const Comparison& comparison);

// "median [low, high]".
std::string Describe(const Spread& spread, int decimals);

}  // namespace vrapl
