// What repeated runs say together: the median, an interval for it, and which of them do not fit. Pure arithmetic.
#pragma once

#include <cstddef>
#include <vector>

namespace vrapl {

struct MedianSummary {
  size_t count = 0;
  double median = 0;
  // Interval of the median by order statistics: two of the values themselves, chosen by the binomial distribution, so
  // that it holds whatever the values' distribution is. `coverage`: how surely, at least 0.95 where there are 6 values
  // or more; with fewer it is all of them, and covers less.
  double low = 0;
  double high = 0;
  double coverage = 0;
  double least = 0;
  double most = 0;
};

// Of no value: all 0.
MedianSummary SummarizeMedian(std::vector<double> values);

// Positions of values that lie further from the median than 3.5 times 1.4826 x MAD, the median of the distances from
// the median (Iglewicz and Hoaglin, "How to Detect and Handle Outliers", 1993). None where there are fewer than 5
// values or more than half of them are equal.
std::vector<size_t> OutliersByMad(const std::vector<double>& values);

// The ranks (from 0) of the two order statistics of `count` values that bound the median: the narrowest symmetric pair
// with a coverage of at least `confidence`; the first and the last where there is none.
struct MedianRanks {
  size_t low = 0;
  size_t high = 0;
  double coverage = 0;
};
MedianRanks RanksOfMedianInterval(size_t count, double confidence = 0.95);

}  // namespace vrapl
