// The slope through what was measured at several sizes.
#include "bench/slope.h"

#include <gtest/gtest.h>

#include <random>

namespace vrapl {
namespace {

// 500 ns and 3 ns for each, with noise of up to 20 ns and an interruption of 1 ms now and then.
std::vector<AtSize> Line(double each_ns) {
  std::mt19937 random(1);
  std::uniform_real_distribution<double> noise(0, 20);
  std::vector<AtSize> sizes;
  for (const double size : {10, 100, 1000, 4000}) {
    sizes.push_back({.size = size});
    for (int i = 0; i < 40; ++i) {
      sizes.back().ns.push_back(500 + each_ns * size + noise(random) + (i % 10 == 0 ? 1e6 : 0));
    }
  }
  return sizes;
}

TEST(SlopeTest, IsWhatEachFurtherOneCosts) {
  const Spread slope = SlopeOf(Line(3));
  EXPECT_NEAR(slope.median, 3, 0.01);
  EXPECT_LE(slope.low, 3);
  EXPECT_GE(slope.high, 3);
  EXPECT_LT(slope.high - slope.low, 0.02);
}

TEST(SlopeTest, WhatDoesNotGrowHasASlopeThatHoldsNothing) {
  const Spread slope = SlopeOf(Line(0));
  EXPECT_LE(slope.low, 0);
  EXPECT_GE(slope.high, 0);
  EXPECT_NEAR(slope.median, 0, 0.01);
}

TEST(SlopeTest, NeedsTwoSizes) {
  EXPECT_EQ(SlopeOf({}).median, 0);
  EXPECT_EQ(SlopeOf({{.size = 7, .ns = {1, 2, 3}}}).median, 0);
  EXPECT_EQ(SlopeOf({{.size = 7, .ns = {1, 2, 3}}, {.size = 8, .ns = {}}}).high, 0);
}

}  // namespace
}  // namespace vrapl
