#include "attribution/sample_noise.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace vrapl {

std::vector<double> Filter(const std::vector<double>& values, double echo) {
  std::vector<double> filtered(values.size());
  double last = 0;
  for (size_t i = 0; i < values.size(); ++i) filtered[i] = last = values[i] + echo * last;
  return filtered;
}

double MeanSquare(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value * value;
  return sum / static_cast<double>(std::max<size_t>(values.size(), 1));
}

double Spread(std::vector<double> values) {
  if (values.empty()) return 0;
  for (double& value : values) value = std::abs(value);
  const auto far = values.begin() + static_cast<std::ptrdiff_t>(values.size() * 97 / 100);
  std::nth_element(values.begin(), far, values.end());
  return *far / 2.17;
}

std::vector<double> Clipped(const std::vector<double>& values) {
  const double limit = kOutlier * Spread(values);
  std::vector<double> clipped = values;
  if (limit > 0) {
    for (double& value : clipped) value = std::clamp(value, -limit, limit);
  }
  return clipped;
}

double EchoOf(const std::vector<double>& residuals) {
  double square = 0, lagged = 0;
  for (size_t i = 0; i < residuals.size(); ++i) {
    square += residuals[i] * residuals[i];
    if (i > 0) lagged += residuals[i] * residuals[i - 1];
  }
  const double correlation = square > 0 ? lagged / square : 0;
  if (correlation >= 0) return 0;
  constexpr double kMostEcho = 0.95;
  if (correlation <= -0.4999) return kMostEcho;
  return std::min(kMostEcho, (std::sqrt(1 - 4 * correlation * correlation) - 1) / (2 * correlation));
}

Scatter FindScatter(const std::vector<double>& residuals, const std::vector<double>& active) {
  constexpr size_t kBins = 8;
  std::vector<size_t> order(residuals.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return active[a] < active[b]; });
  std::vector<double> squares, variances;
  std::vector<double> part;
  for (size_t bin = 0; bin < kBins; ++bin) {
    part.clear();
    double square = 0;
    for (size_t i = bin * order.size() / kBins; i < (bin + 1) * order.size() / kBins; ++i) {
      part.push_back(residuals[order[i]]);
      square += active[order[i]] * active[order[i]];
    }
    if (part.empty()) continue;
    squares.push_back(square / static_cast<double>(part.size()));
    variances.push_back(std::max(MeanSquare(Clipped(part)), 1e-12));
  }
  // Least squares of relative errors, by turns.
  Scatter found;
  std::vector<double> expected = variances;
  for (int round = 0; round < 5; ++round) {
    double n = 0, x = 0, y = 0, xx = 0, xy = 0;
    for (size_t i = 0; i < variances.size(); ++i) {
      const double w = 1 / (expected[i] * expected[i]);
      n += w;
      x += w * squares[i];
      y += w * variances[i];
      xx += w * squares[i] * squares[i];
      xy += w * squares[i] * variances[i];
    }
    const double below = n * xx - x * x;
    found.moving = below > 1e-9 * n * xx ? std::max(0.0, (n * xy - x * y) / below) : 0;
    found.still = (y - found.moving * x) / n;
    const double least = *std::min_element(variances.begin(), variances.end());
    if (found.still < 0.2 * least) {
      found.still = 0.2 * least;
      found.moving = std::max(0.0, (xy - found.still * x) / xx);
    }
    for (size_t i = 0; i < variances.size(); ++i)
      expected[i] = std::max(found.still + found.moving * squares[i], 1e-12);
  }
  return found;
}

double Persistence(const std::vector<double>& residuals) {
  double most = 1;
  const double variance = MeanSquare(residuals);
  if (variance <= 0) return most;
  for (const size_t block : {size_t{8}, size_t{32}}) {
    const size_t blocks = residuals.size() / block;
    if (blocks < 8) break;
    double squares = 0;
    for (size_t b = 0; b < blocks; ++b) {
      const auto begin = residuals.begin() + static_cast<std::ptrdiff_t>(b * block);
      const double sum = std::accumulate(begin, begin + static_cast<std::ptrdiff_t>(block), 0.0);
      squares += sum * sum;
    }
    most = std::max(most, squares / static_cast<double>(blocks * block) / variance);
  }
  return most;
}

}  // namespace vrapl
