// Two ways of doing one thing, measured side by side: blocks in shuffled order, the first way twice (A and A), so that
// the noise of the machine is in the result and not in the reader's imagination.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace vrapl {

struct Way {
  std::string name;
  std::function<void(int64_t times)> run;  // does it `times` times
};

struct Spread {
  double median = 0;
  double low = 0;  // 95 % interval of the median, by bootstrap over blocks
  double high = 0;
};

struct Comparison {
  Spread a_ns;  // per time
  Spread b_ns;
  Spread b_to_a;  // of the ratios of paired blocks
  Spread a_to_a;  // the control: must hold 1
  bool sound() const { return a_to_a.low <= 1 && 1 <= a_to_a.high; }
};

struct PairedOptions {
  int rounds = 60;       // of three blocks each
  int64_t times = 2000;  // per block
  uint32_t seed = 1;
};

Spread MedianOf(std::vector<double> values, uint32_t seed);
Comparison Compare(const Way& a, const Way& b, const PairedOptions& options = {});

// A table row; where the control does not hold 1, a line that says so instead of a ratio.
std::string Describe(const Way& a, const Way& b, const Comparison& comparison);

}  // namespace vrapl
