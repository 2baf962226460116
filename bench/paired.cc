#include "bench/paired.h"

#include <algorithm>
#include <numeric>
#include <random>

#include "absl/strings/str_format.h"

namespace vrapl {
namespace {

double Median(std::vector<double>& values) {
  const auto middle = values.begin() + static_cast<long>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

double NsOfBlock(const Way& way, const PairedOptions& options) {
  if (way.before) way.before();
  const int64_t start_ns = options.clock->NowNs();
  way.run(options.times);
  const int64_t ns = options.clock->NowNs() - start_ns;
  if (way.after) way.after();
  return static_cast<double>(ns) / static_cast<double>(options.times);
}

}  // namespace

Spread MedianOf(const std::vector<double>& values, uint32_t seed, double confidence) {
  if (values.empty()) return {};
  constexpr int kResamples = 2000;
  std::mt19937 random(seed);
  std::vector<double> medians;
  std::vector<double> resampled(values.size());
  for (int i = 0; i < kResamples; ++i) {
    for (double& value : resampled) value = values[random() % values.size()];
    medians.push_back(Median(resampled));
  }
  std::sort(medians.begin(), medians.end());
  const auto tail = static_cast<size_t>((1 - confidence) / 2 * kResamples);
  resampled = values;
  return {.median = Median(resampled), .low = medians[tail], .high = medians[kResamples - 1 - tail]};
}

Comparison Compare(const std::vector<Way>& ways, const PairedOptions& options) {
  std::mt19937 random(options.seed);
  // The control is the first way once more, after the others.
  std::vector<const Way*> blocks;
  for (const Way& way : ways) blocks.push_back(&way);
  blocks.push_back(&ways.front());
  for (const Way& way : ways) NsOfBlock(way, options);  // warm

  std::vector<std::vector<double>> ns(blocks.size());
  std::vector<size_t> order(blocks.size());
  std::iota(order.begin(), order.end(), size_t{0});
  for (int round = 0; round < options.rounds; ++round) {
    std::shuffle(order.begin(), order.end(), random);
    for (const size_t which : order) ns[which].push_back(NsOfBlock(*blocks[which], options));
  }

  const std::vector<double>& first = ns.front();
  const auto paired = [&](const std::vector<double>& values, auto combine) {
    std::vector<double> combined(values.size());
    std::transform(values.begin(), values.end(), first.begin(), combined.begin(), combine);
    return combined;
  };
  Comparison comparison;
  for (size_t i = 0; i < ways.size(); ++i) {
    comparison.ways.push_back({.name = ways[i].name,
                               .ns = MedianOf(ns[i], options.seed),
                               .to_first = MedianOf(paired(ns[i], std::divides<>()), options.seed),
                               .above_ns = MedianOf(paired(ns[i], std::minus<>()), options.seed)});
  }
  comparison.control = MedianOf(paired(ns.back(), std::divides<>()), options.seed, 0.99);
  return comparison;
}

std::string Describe(const Comparison& comparison) {
  const Spread& control = comparison.control;
  const std::string held = absl::StrFormat("%.3f [%.3f, %.3f]", control.median, control.low, control.high);
  if (!comparison.sound()) {
    return absl::StrFormat("No figures: \"%s\" against itself was %s, which excludes 1. The machine was not quiet.\n",
                           comparison.ways.front().name, held);
  }
  std::string text = "| way | ns [95 %] | to the first [95 %] | above it, ns [95 %] |\n| --- | --- | --- | --- |\n";
  for (const Comparison::Measured& way : comparison.ways) {
    absl::StrAppendFormat(&text, "| %s | %.1f [%.1f, %.1f] |", way.name, way.ns.median, way.ns.low, way.ns.high);
    if (&way == &comparison.ways.front()) {
      text += " 1 | 0 |\n";
      continue;
    }
    absl::StrAppendFormat(&text, " %.3f [%.3f, %.3f] | %.1f [%.1f, %.1f] |\n", way.to_first.median, way.to_first.low,
                          way.to_first.high, way.above_ns.median, way.above_ns.low, way.above_ns.high);
  }
  return absl::StrFormat("%s\nControl, the first against itself: %s.\n", text, held);
}

}  // namespace vrapl
