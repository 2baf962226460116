#include "attribution/uncertainty.h"

#include <gmock/gmock.h>

#include <cmath>

namespace vrapl {
namespace {

constexpr int64_t kMs = 1'000'000;
constexpr CounterGrain kBlind = {.unit_uj = 61, .period_ns = 1e6, .jitter_ns = 8e3, .skew_ns = 6e3};

CounterGrain AtEdges() {
  CounterGrain grain = kBlind;
  grain.at_edges = true;
  return grain;
}

TEST(UncertaintyTest, AHostsErrorIsAnUpdateAtBothEndsWhateverTheWindow) {
  // 80 W for a millisecond are 80 000 uJ. Of two instants anywhere in a period the difference is within 0.95 periods at
  // least 95 % of the time, whatever they have to do with one another.
  EXPECT_GT(HostErrorUj(kBlind, 80, 80), 0.95 * 80'000);
  EXPECT_LT(HostErrorUj(kBlind, 80, 80), 80'000);
  EXPECT_NEAR(RelativeHostError(kBlind, 80, 10 * kMs), 0.095, 0.002);
  EXPECT_NEAR(RelativeHostError(kBlind, 80, 2000 * kMs), 0.000475, 0.00001);
}

TEST(UncertaintyTest, SamplesAtTheUpdatesAreSharper) {
  EXPECT_LT(RelativeHostError(AtEdges(), 80, kMs), 0.03);
  EXPECT_GT(RelativeHostError(AtEdges(), 80, kMs), 0.01);
  EXPECT_LT(HostErrorUj(AtEdges(), 80, 80), HostErrorUj(kBlind, 80, 80) / 20);
}

TEST(UncertaintyTest, WithoutPowerOnlyTheQuantumIsLeft) {
  EXPECT_GT(HostErrorUj(kBlind, 0, 0), 0.3 * kBlind.unit_uj);
  EXPECT_LT(HostErrorUj(kBlind, 0, 0), kBlind.unit_uj);
}

TEST(UncertaintyTest, TheShortestHonestWindowIsJustWithinItsError) {
  for (const double watts : {5.0, 80.0, 300.0}) {
    const int64_t window_ns = ShortestHonestWindowNs(kBlind, watts, 0.01);
    EXPECT_LE(RelativeHostError(kBlind, watts, window_ns), 0.01);
    EXPECT_GT(RelativeHostError(kBlind, watts, window_ns - kMs), 0.01);
  }
  EXPECT_EQ(ShortestHonestWindowNs(AtEdges(), 1e6, 0.5), kMs);  // no window is shorter than what moves the counter
}

TEST(RowErrorSumsTest, ARowThatGetsAllIsAsSureAsTheHost) {
  RowErrorSums sums;
  for (int i = 0; i < 100; ++i) sums.Add(80, 1, 1, kMs);
  EXPECT_NEAR(sums.ErrorUj(kBlind, 0), HostErrorUj(kBlind, 80, 80), 2);
}

TEST(RowErrorSumsTest, ErrorsAreNotSumsOverSamples) {
  RowErrorSums whole;
  RowErrorSums one;
  for (int i = 0; i < 100; ++i) whole.Add(80, 0.25, 1, kMs);
  one.Add(80, 0.25, 1, kMs);
  EXPECT_NEAR(whole.ErrorUj(kBlind, 0), one.ErrorUj(kBlind, 0), 1);
}

TEST(RowErrorSumsTest, WhoComesAndGoesOftenIsLessSure) {
  RowErrorSums steady;
  RowErrorSums coming_and_going;
  for (int i = 0; i < 1000; ++i) {
    steady.Add(80, 0.5, 1, kMs);
    coming_and_going.Add(80, i % 10 < 5 ? 1 : 0, 1, kMs);
  }
  EXPECT_GT(coming_and_going.ErrorUj(kBlind, 0), 5 * steady.ErrorUj(kBlind, 0));
  // But by the root of how often, since these errors do not all have one sign.
  EXPECT_LT(coming_and_going.ErrorUj(kBlind, 0), 30 * steady.ErrorUj(kBlind, 0));
}

TEST(RowErrorSumsTest, TheBasesIntervalGrowsWithTheWindowAndTheShare) {
  RowErrorSums sums;
  for (int i = 0; i < 2000; ++i) sums.Add(80, 0.5, 1, kMs);
  // 1 W over 2 s, half of it this row's.
  EXPECT_NEAR(std::sqrt(std::pow(sums.ErrorUj(kBlind, 1), 2) - std::pow(sums.ErrorUj(kBlind, 0), 2)), 1e6, 1e3);
  EXPECT_NEAR(sums.ErrorUj(AtEdges(), 0, 5e6), 5e6, 1e4);
}

TEST(RowErrorSumsTest, ABaseThatIsTooHighTakesFromWhoeverRanMost) {
  RowErrorSums often;
  RowErrorSums seldom;
  for (int i = 0; i < 1000; ++i) {
    // One runs a little in each millisecond, the other a lot in one of a hundred: nearly all run time is the other's.
    const bool both = i % 100 == 0;
    often.Add(20, both ? 0.01 : 1, both ? 2 : 0.001, kMs);
    seldom.Add(20, both ? 0.99 : 0, both ? 2 : 0.001, kMs);
  }
  EXPECT_GT(seldom.ErrorUj(AtEdges(), 1), 0.9 * 1e6);
  EXPECT_GT(often.ErrorUj(AtEdges(), 1), 0.9 * 1e6);
}

TEST(RowErrorSumsTest, TheNextWindowBeginsAnew) {
  RowErrorSums sums;
  for (int i = 0; i < 500; ++i) sums.Add(80, i % 2, 1, kMs);
  sums.Restart();
  sums.Add(80, 0, 1, kMs);
  EXPECT_LT(sums.ErrorUj(kBlind, 1), 2 * kBlind.unit_uj);
}

}  // namespace
}  // namespace vrapl
