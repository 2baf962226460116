#include "bench/slope.h"

#include <algorithm>
#include <random>

namespace vrapl {
namespace {

double LeastSquares(const std::vector<AtSize>& sizes, const std::vector<double>& medians) {
  double x_mean = 0;
  double y_mean = 0;
  for (size_t i = 0; i < sizes.size(); ++i) {
    x_mean += sizes[i].size / static_cast<double>(sizes.size());
    y_mean += medians[i] / static_cast<double>(sizes.size());
  }
  double xy = 0;
  double xx = 0;
  for (size_t i = 0; i < sizes.size(); ++i) {
    xy += (sizes[i].size - x_mean) * (medians[i] - y_mean);
    xx += (sizes[i].size - x_mean) * (sizes[i].size - x_mean);
  }
  return xx > 0 ? xy / xx : 0;
}

}  // namespace

Spread SlopeOf(const std::vector<AtSize>& sizes, uint32_t seed) {
  for (const AtSize& at : sizes) {
    if (at.ns.empty()) return {};
  }
  std::vector<double> medians;
  for (AtSize at : sizes) medians.push_back(MedianInPlace(at.ns));
  const double slope = LeastSquares(sizes, medians);

  constexpr size_t kResamples = 1000;
  std::mt19937 random(seed);
  std::vector<double> slopes;
  for (size_t k = 0; k < kResamples; ++k) {
    for (size_t i = 0; i < sizes.size(); ++i) {
      std::vector<double> resampled(sizes[i].ns.size());
      for (double& value : resampled) value = sizes[i].ns[random() % resampled.size()];
      medians[i] = MedianInPlace(resampled);
    }
    slopes.push_back(LeastSquares(sizes, medians));
  }
  std::sort(slopes.begin(), slopes.end());
  return {.median = slope, .low = slopes[kResamples / 40], .high = slopes[kResamples - 1 - kResamples / 40]};
}

}  // namespace vrapl
