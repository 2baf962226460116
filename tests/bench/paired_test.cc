// The machinery of the benchmarks, on a clock that is turned: costs are what the ways say, and nothing is noise but
// what is made.
#include "bench/paired.h"

#include <gmock/gmock.h>

#include <cmath>
#include <map>
#include <random>

#include "tests/fakes/simulated_clock.h"

namespace vrapl {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class PairedTest : public testing::Test {
 protected:
  // Costs `ns` a time and up to `noise_ns` a block more.
  Way Costing(const std::string& name, int64_t ns, int64_t noise_ns = 0) {
    return {.name = name, .run = [this, name, ns, noise_ns](int64_t times) {
              order_.push_back(name);
              clock_.Advance(ns * times + (noise_ns == 0 ? 0 : static_cast<int64_t>(random_() % noise_ns)));
            }};
  }
  PairedOptions Options() const { return {.rounds = 60, .times = 100, .seed = 3, .clock = &clock_}; }

  SimulatedClock clock_;
  std::mt19937_64 random_{5};
  std::vector<std::string> order_;
};

TEST(MedianOfTest, IsTheMiddleWithAnIntervalAroundIt) {
  std::vector<double> values;
  for (int i = 0; i < 101; ++i) values.push_back(100 - i);
  const Spread spread = MedianOf(values);
  EXPECT_EQ(spread.median, 50);
  EXPECT_LT(spread.low, 50);
  EXPECT_GT(spread.high, 50);
  EXPECT_GT(spread.low, 30);
  EXPECT_LT(spread.high, 70);
  const Spread wider = MedianOf(values, 1, 0.99);
  EXPECT_LT(wider.low, spread.low);
  EXPECT_GT(wider.high, spread.high);
  EXPECT_EQ(MedianOf({7}).low, 7);
  EXPECT_EQ(MedianOf({8, 1, 2, 4}).median, 3);
  EXPECT_EQ(MedianOf({}).median, 0);
  EXPECT_EQ(MedianOf({7, std::nan(""), std::nan("")}).median, 7);
}

// Of many samples of one distribution, the interval holds its median about as often as it says.
TEST(MedianOfTest, TheIntervalHoldsTheTruthAsOftenAsItSays) {
  std::mt19937 random(1);
  std::lognormal_distribution<double> costs(0, 1);
  int held = 0;
  for (uint32_t trial = 0; trial < 300; ++trial) {
    std::vector<double> values;
    for (int i = 0; i < 60; ++i) values.push_back(costs(random));
    const Spread spread = MedianOf(values, trial);
    held += spread.low <= 1 && 1 <= spread.high ? 1 : 0;
  }
  EXPECT_GE(held, 300 * 90 / 100);
  EXPECT_LE(held, 300 * 99 / 100);
}

TEST_F(PairedTest, FindsTheRatioThroughTheNoise) {
  const Comparison comparison =
      Compare({Costing("a", 1000, 20'000), Costing("b", 1500, 20'000), Costing("c", 1000, 20'000)}, Options());
  EXPECT_TRUE(comparison.sound());
  EXPECT_NEAR(comparison.ways[0].ns.median, 1100, 30);
  EXPECT_NEAR(comparison.ways[1].to_first.median, 1600.0 / 1100, 0.05);
  EXPECT_NEAR(comparison.ways[1].above_ns.median, 500, 50);
  EXPECT_LE(comparison.ways[2].to_first.low, 1);
  EXPECT_GE(comparison.ways[2].to_first.high, 1);
}

// A machine that gets slower and slower, or stops for a moment: rounds are compared with themselves.
TEST_F(PairedTest, WhatSlowsTheWholeMachineIsNoDifference) {
  double slowness = 1;
  const auto slowing = [&](const std::string& name, double ns) {
    return Way{.name = name, .run = [&, ns](int64_t times) {
                 slowness *= 1.01;
                 clock_.Advance(static_cast<int64_t>(slowness * ns * static_cast<double>(times)));
               }};
  };
  const Comparison comparison = Compare({slowing("a", 1000), slowing("b", 1200)}, Options());
  EXPECT_TRUE(comparison.sound());
  EXPECT_NEAR(comparison.ways[1].to_first.median, 1.2, 0.02);
}

TEST_F(PairedTest, EveryWayHasEveryPlaceInTheRound) {
  (void)Compare({Costing("a", 10), Costing("b", 10), Costing("c", 10)}, Options());
  ASSERT_EQ(order_.size(), 3u + 60u * 4u);
  std::map<std::string, std::map<size_t, int>> places;
  for (size_t i = 3; i < order_.size(); ++i) ++places[order_[i]][(i - 3) % 4];
  for (size_t place = 0; place < 4; ++place) {
    EXPECT_GE(places["a"][place], 15) << "a is there twice";
    EXPECT_GE(places["b"][place], 5);
    EXPECT_GE(places["c"][place], 5);
  }
}

TEST_F(PairedTest, NoFiguresWhenTheFirstIsNotLikeItself) {
  Comparison comparison = Compare({Costing("a", 1000), Costing("b", 2000)}, Options());
  ASSERT_TRUE(comparison.sound());
  comparison.control = {.median = 1.1, .low = 1.05, .high = 1.15};
  EXPECT_FALSE(comparison.sound());
  const std::string text = Describe(comparison);
  EXPECT_THAT(text, AllOf(HasSubstr("No figures"), HasSubstr("1.100 [1.050, 1.150]"), HasSubstr("not quiet")));
  EXPECT_THAT(text, AllOf(Not(HasSubstr("| b |")), Not(HasSubstr("2000"))));
  for (const Spread& control :
       {Spread{.median = 1.1, .low = 1.05, .high = 1.15}, {.median = 0.9, .low = 0.8, .high = 0.99}}) {
    comparison.control = control;
    EXPECT_FALSE(comparison.sound());
  }
}

TEST_F(PairedTest, TheControlIsTheFirstOnceMore) {
  // Which of the two blocks of "a" in a round is the control, the ways cannot tell; that it is "a", they can.
  uint64_t of_a = 0;
  const Way a{.name = "a", .run = [&](int64_t times) { clock_.Advance(times * 100), ++of_a; }};
  const Comparison comparison = Compare({a, Costing("b", 777)}, Options());
  EXPECT_EQ(of_a, 1u + 2u * 60u);
  EXPECT_EQ(comparison.control.median, 1);
}

TEST_F(PairedTest, DescribesEachWayInARow) {
  const std::string text = Describe(Compare({Costing("a", 1000), Costing("b", 1500)}, Options()));
  EXPECT_THAT(text, AllOf(HasSubstr("| a | 1000.0 [1000.0, 1000.0] | 1 | 0 |"),
                          HasSubstr("| b | 1500.0 [1500.0, 1500.0] | 1.500 [1.500, 1.500] | 500.0 [500.0, 500.0] |"),
                          HasSubstr("against itself: 1.000 [1.000, 1.000]")));
}

TEST_F(PairedTest, WhatIsAroundABlockIsNotMeasured) {
  int inside = 0;
  Way around = Costing("b", 1000);
  around.before = [&] { clock_.Advance(1'000'000'000), ++inside; };
  around.after = [&] { clock_.Advance(1'000'000'000), --inside; };
  const Comparison comparison = Compare({Costing("a", 1000), around}, Options());
  EXPECT_EQ(comparison.ways[1].to_first.median, 1);
  EXPECT_EQ(inside, 0);
}

// A way that counts by itself: 10 a time by its counter, 1000 by the clock.
TEST_F(PairedTest, AWaysOwnCounterTakesThePlaceOfTheClock) {
  Count counted{.ns = 12345, .times = 77};
  int counted_at_start = -1;
  bool inside = false;
  Way counting = Costing("b", 1000);
  counting.before = [&] { inside = true; };
  counting.after = [&] { inside = false; };
  counting.run = [&, run = counting.run](int64_t times) {
    run(times);
    counted = {.ns = counted.ns + 20 * times, .times = counted.times + 2 * times};
  };
  counting.counter = [&] {
    EXPECT_TRUE(inside) << "the counter is read while the way is there";
    if (counted_at_start < 0) counted_at_start = static_cast<int>(counted.times);
    return counted;
  };
  const Comparison comparison = Compare({Costing("a", 5), counting}, Options());
  EXPECT_EQ(counted_at_start, 77);
  EXPECT_EQ(comparison.ways[1].ns.median, 10);
  EXPECT_EQ(comparison.ways[1].to_first.median, 2);
  EXPECT_TRUE(comparison.sound());
}

TEST_F(PairedTest, ACounterThatCountedNothingIsNoFigure) {
  Way still = Costing("still", 1000);
  still.counter = [] { return Count{.ns = 5, .times = 5}; };
  const Comparison comparison = Compare({Costing("a", 5), still}, Options());
  EXPECT_TRUE(comparison.sound()) << "the others are as good as without it";
  EXPECT_THAT(Describe(comparison),
              AllOf(HasSubstr("| a | 5.0 "), HasSubstr("| still | no figures: nothing counted in 60 of 60")));
  EXPECT_THAT(Describe(Compare({still, Costing("a", 5)}, Options())),
              AllOf(HasSubstr("No figures"), Not(HasSubstr("| a |"))));
}

TEST_F(PairedTest, AWayThatDroppedHasNoFigures) {
  uint64_t dropped = 3;  // before: none of our doing
  Way leaky = Costing("leaky", 777);
  leaky.dropped = [&] { return dropped; };
  EXPECT_THAT(Describe(Compare({Costing("a", 5), leaky}, Options())), HasSubstr("| leaky | 777.0"));
  leaky.after = [&, blocks = 0]() mutable { dropped += ++blocks == 40 ? 2 : 0; };
  const std::string text = Describe(Compare({Costing("a", 5), leaky}, Options()));
  EXPECT_THAT(text,
              AllOf(HasSubstr("| a | 5.0 "), HasSubstr("| leaky | no figures: 2 dropped"), Not(HasSubstr("777"))));
  dropped = 0;
  leaky.after = [&] { ++dropped; };
  const Comparison first = Compare({leaky, Costing("a", 5)}, Options());
  EXPECT_FALSE(first.sound()) << "what the others are compared with";
  EXPECT_THAT(Describe(first), AllOf(HasSubstr("No figures: \"leaky\""), Not(HasSubstr("| a |"))));
}

TEST_F(PairedTest, TheFloorIsTakenOffTheOthers) {
  PairedOptions options = Options();
  options.floor = 1;
  const Comparison comparison = Compare({Costing("a", 70), Costing("floor", 60), Costing("b", 90)}, options);
  EXPECT_EQ(comparison.ways[0].ns.median, 70);
  EXPECT_EQ(comparison.ways[0].net_ns.median, 10);
  EXPECT_EQ(comparison.ways[1].net_ns.median, 0);
  EXPECT_EQ(comparison.ways[2].net_ns.median, 30);
  EXPECT_EQ(comparison.ways[2].to_first.median, 3);
  EXPECT_EQ(comparison.ways[2].above_ns.median, 20);
  EXPECT_THAT(Describe(comparison),
              AllOf(HasSubstr("net of \"floor\""), HasSubstr("| b | 90.0 [90.0, 90.0] | 30.0 [30.0, 30.0] | 3.000 ")));
  Way leaky = Costing("floor", 60);
  leaky.dropped = [dropped = uint64_t{0}]() mutable { return dropped++; };
  EXPECT_THAT(Describe(Compare({Costing("a", 70), leaky}, options)), HasSubstr("No figures: \"floor\": 1 dropped"));
}

TEST_F(PairedTest, AnyTwoWaysCanBeSetApart) {
  const Comparison comparison = Compare({Costing("a", 5), Costing("b", 700), Costing("c", 1000)}, Options());
  EXPECT_EQ(Difference(comparison.ways[2], comparison.ways[1]).median, 300);
  EXPECT_EQ(Difference(comparison.ways[1], comparison.ways[2]).high, -300);
}

}  // namespace
}  // namespace vrapl
