#include "cli/median.h"

#include <gmock/gmock.h>

#include <cmath>
#include <random>

namespace vrapl {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(MedianTest, OfFewValues) {
  EXPECT_EQ(SummarizeMedian({}).count, 0u);
  EXPECT_EQ(SummarizeMedian({7}).median, 7);
  EXPECT_EQ(SummarizeMedian({7}).coverage, 0) << "one value says nothing of the median";
  EXPECT_EQ(SummarizeMedian({4, 1}).median, 2.5);
  EXPECT_EQ(SummarizeMedian({9, 1, 5}).median, 5);
  EXPECT_EQ(SummarizeMedian({9, 1, 5}).low, 1);
  EXPECT_EQ(SummarizeMedian({9, 1, 5}).high, 9);
  EXPECT_NEAR(SummarizeMedian({9, 1, 5}).coverage, 0.75, 1e-12) << "1 - 2 / 2^3";
}

// Ranks as in tables of the sign test, counted from 1 there: Conover, "Practical Nonparametric Statistics".
TEST(MedianTest, RanksAreThoseOfTheSignTest) {
  struct Row {
    size_t count;
    size_t low;  // from 1
    double coverage;
  };
  for (const Row& row : {Row{5, 1, 0.9375}, Row{6, 1, 0.96875}, Row{8, 1, 0.9921875}, Row{9, 2, 0.9609375},
                         Row{10, 2, 0.978515625}, Row{11, 2, 0.98828125}, Row{12, 3, 0.96142578125},
                         Row{20, 6, 0.95861053467}, Row{30, 10, 0.95722605474}, Row{100, 40, 0.96479979}}) {
    const MedianRanks ranks = RanksOfMedianInterval(row.count);
    EXPECT_EQ(ranks.low + 1, row.low) << row.count;
    EXPECT_EQ(ranks.high, row.count - row.low) << row.count;
    EXPECT_NEAR(ranks.coverage, row.coverage, 1e-6) << row.count;
  }
}

// Of values whose median is known, the interval holds it as often as it says, whatever their distribution.
TEST(MedianTest, TheIntervalHoldsTheMedianAsOftenAsItSays) {
  std::mt19937 random(20260101);
  std::exponential_distribution<double> skewed(1.0);
  std::cauchy_distribution<double> heavy(0.0, 1.0);
  constexpr int kTrials = 20'000;
  for (const size_t count : {size_t{6}, size_t{10}, size_t{25}}) {
    const double expected = RanksOfMedianInterval(count).coverage;
    EXPECT_GE(expected, 0.95);
    int skewed_held = 0;
    int heavy_held = 0;
    for (int trial = 0; trial < kTrials; ++trial) {
      std::vector<double> a(count);
      std::vector<double> b(count);
      for (double& value : a) value = skewed(random);
      for (double& value : b) value = heavy(random);
      const MedianSummary of_a = SummarizeMedian(a);
      const MedianSummary of_b = SummarizeMedian(b);
      skewed_held += of_a.low <= std::log(2.0) && std::log(2.0) <= of_a.high;
      heavy_held += of_b.low <= 0 && 0 <= of_b.high;
    }
    const double tolerance = 4 * std::sqrt(expected * (1 - expected) / kTrials);
    EXPECT_NEAR(skewed_held / double{kTrials}, expected, tolerance) << count;
    EXPECT_NEAR(heavy_held / double{kTrials}, expected, tolerance) << count;
  }
}

TEST(OutlierTest, AreFarFromTheOthers) {
  EXPECT_THAT(OutliersByMad({10, 11, 12, 11, 10, 100, 11, -50}), ElementsAre(5, 7));
  EXPECT_THAT(OutliersByMad({10, 11, 12, 11, 10, 13}), IsEmpty());
  // MAD 1: the bound is 3.5 x 1.4826 = 5.19.
  EXPECT_THAT(OutliersByMad({-2, -1, -1, 0, 1, 1, 5.1}), IsEmpty());
  EXPECT_THAT(OutliersByMad({-2, -1, -1, 0, 1, 1, 5.3}), ElementsAre(6));
  EXPECT_THAT(OutliersByMad({1, 2, 3, 1000}), IsEmpty()) << "too few to tell";
  EXPECT_THAT(OutliersByMad({5, 5, 5, 5, 5, 6}), IsEmpty()) << "no spread to measure by";
  EXPECT_THAT(OutliersByMad({}), IsEmpty());
}

}  // namespace
}  // namespace vrapl
