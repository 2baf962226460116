// What lines tell of a neighbour, measured, is held against the bound.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>
#include <vector>

#include "delivery/leak_bound.h"
#include "delivery/leak_channel.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

constexpr double kRangeW = 100;

GuestPolicy OnlyEnergy(GuestPolicy policy) {
  policy.active = policy.error = false;
  return policy;
}

TEST(LeakTest, NoSettingTellsMoreThanItsBound) {
  const struct {
    const char* name;
    GuestPolicy policy;
    double least;  // part of the bound that the receiver gets, else it is no good and the test says nothing
  } rows[] = {
      {"raw, every 1 ms", OnlyEnergy({.period_ns = 1'000'000, .quantum_uj = 1}), 1.0 / 3},
      {"raw, every 2 s", OnlyEnergy({.quantum_uj = 1}), 1.0 / 3},
      // The bound counts active energy and its error as if they told other things than the energy does.
      {"default", GuestPolicy(), 1.0 / 4},
      {"default, energy alone", OnlyEnergy({}), 1.0 / 3},
      {"default with noise, energy alone", OnlyEnergy({.noise = true}), 1.0 / 3},
      {"manifesto", ManifestoPolicy(), 1.0 / 3},
  };
  std::printf("| setting | measured, bit/s | bound, bit/s |\n| --- | --- | --- |\n");
  double last = 1e12;
  for (const auto& row : rows) {
    const double measured = MeasureLeak(row.policy, kRangeW);
    const double bound = LeakBound(row.policy, kRangeW);
    std::printf("| %s | %.3f | %.3f |\n", row.name, measured, bound);
    EXPECT_LE(measured, bound) << row.name;
    EXPECT_GT(measured, bound * row.least) << row.name;
    EXPECT_LT(measured, last) << row.name;
    last = measured;
  }
}

TEST(LeakTest, WhatIsNotToldTellsNothing) { EXPECT_EQ(MeasureLeak({.deliver = false}, kRangeW), 0); }

TEST(LeakBoundTest, LessIsToldByLargerStepsLongerPeriodsAndFewerFields) {
  const GuestPolicy policy;
  const double bound = LeakBound(policy, 100);
  EXPECT_NEAR(bound, 3 * std::log2(2003.0) / 2, 1e-9);  // 200 J in steps of 0.1 J, three figures
  GuestPolicy less = policy;
  less.active = false;
  EXPECT_NEAR(LeakBound(less, 100), bound * 2 / 3, 1e-9);
  less = policy;
  less.quantum_uj *= 10;
  EXPECT_LT(LeakBound(less, 100), bound);
  less = policy;
  less.period_ns *= 2;
  EXPECT_LT(LeakBound(less, 100), bound);
  EXPECT_LT(LeakBound(policy, 50), bound);
  less.deliver = false;
  EXPECT_EQ(LeakBound(less, 100), 0);
}

// How many different sequences of steps a reader can get, in `lines` lines, of `least` to `least + range` quanta a
// line: the rest that is carried tells something, too. Exact: of each sequence the interval of rests that it may have
// left.
int64_t Sequences(double least, double range, int lines) {
  std::vector<std::pair<double, double>> rests = {{0, 1}};
  for (int i = 0; i < lines; ++i) {
    std::vector<std::pair<double, double>> next;
    for (const auto& [low, high] : rests) {
      for (double told = std::floor(low + least); told < high + least + range; ++told) {
        const double from = std::max(low + least - told, 0.0);
        const double to = std::min(high + least + range - told, 1.0);
        if (from < to) next.emplace_back(from, to);
      }
    }
    rests = std::move(next);
  }
  return static_cast<int64_t>(rests.size());
}

TEST(LeakBoundTest, HoldsForSequencesHoweverCoarseTheQuantum) {
  constexpr int kLines = 8;
  double most = 0;
  for (const double range : {0.1, 0.5, 0.9, 1.9, 3.0, 4.99}) {
    // A quantum of 1 J, a line every 2 s.
    const GuestPolicy policy = OnlyEnergy({.quantum_uj = 1'000'000});
    const double bound = LeakBound(policy, range / 2);
    for (const double least : {0.0, 0.3, 0.5, 0.95, 0.99, 7.7}) {
      const double told = std::log2(static_cast<double>(Sequences(least, range, kLines))) / (2 * kLines);
      EXPECT_LE(told, bound) << least << " to " << least + range;
      most = std::max(most, told / bound);
    }
  }
  EXPECT_GT(most, 0.8) << "the bound says something";
}

}  // namespace
}  // namespace vrapl
