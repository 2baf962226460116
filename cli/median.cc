#include "cli/median.h"

#include <algorithm>
#include <cmath>

namespace vrapl {
namespace {

double MedianOfSorted(const std::vector<double>& sorted) {
  const size_t middle = sorted.size() / 2;
  return sorted.size() % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

// Probability that exactly k of n values lie below the median.
double BinomialHalf(size_t n, size_t k) {
  const auto real_n = static_cast<double>(n);
  const auto real_k = static_cast<double>(k);
  return std::exp(std::lgamma(real_n + 1) - std::lgamma(real_k + 1) - std::lgamma(real_n - real_k + 1) -
                  real_n * std::log(2.0));
}

}  // namespace

MedianRanks RanksOfMedianInterval(size_t count, double confidence) {
  if (count == 0) return {};
  // The values of ranks r and count - 1 - r enclose the median unless no more than r of all lie on one side of it.
  MedianRanks best{.low = 0, .high = count - 1, .coverage = 1 - 2 * BinomialHalf(count, 0)};
  double tail = BinomialHalf(count, 0);
  for (size_t rank = 1; 2 * rank < count - 1; ++rank) {
    tail += BinomialHalf(count, rank);
    if (1 - 2 * tail < confidence) break;
    best = {.low = rank, .high = count - 1 - rank, .coverage = 1 - 2 * tail};
  }
  best.coverage = std::max(best.coverage, 0.0);
  return best;
}

MedianSummary SummarizeMedian(std::vector<double> values) {
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  const MedianRanks ranks = RanksOfMedianInterval(values.size());
  return {.count = values.size(),
          .median = MedianOfSorted(values),
          .low = values[ranks.low],
          .high = values[ranks.high],
          .coverage = ranks.coverage,
          .least = values.front(),
          .most = values.back()};
}

std::vector<size_t> OutliersByMad(const std::vector<double>& values) {
  constexpr size_t kFewest = 5;
  constexpr double kNormal = 1.4826;  // MAD of a normal distribution, in standard deviations, inverted
  constexpr double kFar = 3.5;
  if (values.size() < kFewest) return {};
  std::vector<double> sorted = values;
  std::sort(sorted.begin(), sorted.end());
  const double median = MedianOfSorted(sorted);
  for (double& value : sorted) value = std::abs(value - median);
  std::sort(sorted.begin(), sorted.end());
  const double mad = MedianOfSorted(sorted);
  std::vector<size_t> outliers;
  for (size_t i = 0; i < values.size() && mad > 0; ++i) {
    if (std::abs(values[i] - median) > kFar * kNormal * mad) outliers.push_back(i);
  }
  return outliers;
}

}  // namespace vrapl
