#include "bench/paired.h"

#include <algorithm>
#include <array>
#include <random>

#include "absl/strings/str_format.h"
#include "base/clock.h"

namespace vrapl {
namespace {

double Median(std::vector<double>& values) {
  const auto middle = values.begin() + static_cast<long>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace

Spread MedianOf(std::vector<double> values, uint32_t seed) {
  if (values.empty()) return {};
  std::mt19937 random(seed);
  std::vector<double> medians;
  for (int i = 0; i < 1000; ++i) {
    std::vector<double> resampled;
    for (size_t k = 0; k < values.size(); ++k) resampled.push_back(values[random() % values.size()]);
    medians.push_back(Median(resampled));
  }
  std::sort(medians.begin(), medians.end());
  return {.median = Median(values), .low = medians[25], .high = medians[974]};
}

Comparison Compare(const Way& a, const Way& b, const PairedOptions& options) {
  std::mt19937 random(options.seed);
  const Way* ways[] = {&a, &a, &b};
  for (const Way* way : ways) way->run(options.times);  // warm
  std::array<std::vector<double>, 3> ns;
  std::vector<double> b_to_a;
  std::vector<double> a_to_a;
  for (int round = 0; round < options.rounds; ++round) {
    std::array<size_t, 3> order = {0, 1, 2};
    std::shuffle(order.begin(), order.end(), random);
    std::array<double, 3> this_round{};
    for (const size_t which : order) {
      const int64_t start_ns = MonotonicNs();
      ways[which]->run(options.times);
      this_round[which] = static_cast<double>(MonotonicNs() - start_ns) / static_cast<double>(options.times);
      ns[which].push_back(this_round[which]);
    }
    b_to_a.push_back(this_round[2] / this_round[0]);
    a_to_a.push_back(this_round[1] / this_round[0]);
  }
  return {.a_ns = MedianOf(ns[0], options.seed),
          .b_ns = MedianOf(ns[2], options.seed),
          .b_to_a = MedianOf(b_to_a, options.seed),
          .a_to_a = MedianOf(a_to_a, options.seed)};
}

std::string Describe(const Way& a, const Way& b, const Comparison& comparison) {
  if (!comparison.sound()) {
    return absl::StrFormat("| %s | %s | no ratio: the control A/A was %.3f [%.3f, %.3f], which excludes 1 | | |\n",
                           a.name, b.name, comparison.a_to_a.median, comparison.a_to_a.low, comparison.a_to_a.high);
  }
  return absl::StrFormat("| %s: %.0f ns | %s: %.0f ns | %.3f | [%.3f, %.3f] | %.3f [%.3f, %.3f] |\n", a.name,
                         comparison.a_ns.median, b.name, comparison.b_ns.median, comparison.b_to_a.median,
                         comparison.b_to_a.low, comparison.b_to_a.high, comparison.a_to_a.median, comparison.a_to_a.low,
                         comparison.a_to_a.high);
}

}  // namespace vrapl
