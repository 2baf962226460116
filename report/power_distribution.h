// How power was distributed over time: quantiles of the power of consecutive stretches of 10 ms, each weighing as much
// as it lasted. Threads: one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace vrapl {

class PowerDistribution {
 public:
  static constexpr int64_t kStretchNs = 10'000'000;

  // A window that ends at end_ns, in order of time. A stretch ends with the first that reaches a multiple of 10 ms.
  void Add(int64_t end_ns, int64_t dt_ns, int64_t energy_uj);

  // Watts at `points` + 1 steps of equal share of time, from the least to the most; empty where there was no window.
  // Ends the distribution.
  std::vector<double> TakeQuantiles(int points);

  size_t stretches() const { return stretches_.size(); }

 private:
  void Close();

  int64_t stretch_end_ns_ = kStretchNs;
  int64_t dt_ns_ = 0;
  int64_t energy_uj_ = 0;
  std::vector<std::pair<float, float>> stretches_;  // watts, milliseconds
};

}  // namespace vrapl
