#include "attribution/base_power.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>

namespace vrapl {
namespace {

// Feeds `seconds` of milliseconds: power base + slope x busy(t), edges with jitter, ticks of 2^-14 J.
void Feed(BasePowerEstimator& estimator, double seconds, double base_w, double slope_w,
          const std::function<double(double)>& busy_cpus, uint32_t seed = 1) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<double> jitter(-0.2, 0.2);
  double carried = 0;
  double carried_edge = 0;
  for (int ms = 0; ms < seconds * 1000; ++ms) {
    const double busy = busy_cpus(ms * 1e-3);
    const double edge = jitter(random);
    const double exact = (base_w + slope_w * busy) * 1e-3 * (1 + edge - carried_edge) * 16384 + carried;
    carried_edge = edge;
    const auto ticks = static_cast<uint64_t>(exact);
    carried = exact - static_cast<double>(ticks);
    estimator.Add(ticks, 1'000'000, static_cast<int64_t>(busy * 1e6));
  }
  estimator.Update();
}

constexpr double kWatt = 16384;  // ticks per second

TEST(BasePowerTest, FindsTheInterceptUnderChangingLoad) {
  BasePowerEstimator estimator;
  Feed(estimator, 20, 20, 15, [](double t) { return 0.3 + (static_cast<int>(t) % 3) * 0.7; });
  ASSERT_TRUE(estimator.base().known);
  EXPECT_NEAR(estimator.base().ticks_per_second / kWatt, 20, 0.2);
}

TEST(BasePowerTest, FindsTheFloorOfAnIdleHost) {
  BasePowerEstimator estimator;
  // An idle host: 1 to 6 % of a CPU, a little more now and then, as daemons wake.
  Feed(estimator, 5, 80, 0, [](double t) { return 0.01 + 0.01 * (static_cast<int>(t * 7) % 6); });
  ASSERT_TRUE(estimator.base().known);
  EXPECT_NEAR(estimator.base().ticks_per_second / kWatt, 80, 1);
}

TEST(BasePowerTest, IsNotKnownWhileLoadNeverChanges) {
  BasePowerEstimator estimator;
  std::mt19937 random(3);
  Feed(estimator, 60, 20, 15, [&](double) { return 1.9 + 0.0001 * static_cast<double>(random() % 10); });
  EXPECT_FALSE(estimator.base().known);
}

TEST(BasePowerTest, DoesNotStickToAMinimumSeenOnce) {
  BasePowerEstimator estimator;
  Feed(estimator, 1, 5, 0, [](double) { return 0.1; });
  Feed(estimator, 60, 20, 15, [](double t) { return 0.3 + (static_cast<int>(t * 5) % 4) * 0.4; });
  ASSERT_TRUE(estimator.base().known);
  EXPECT_NEAR(estimator.base().ticks_per_second / kWatt, 20, 0.4);
}

TEST(BasePowerTest, AGivenBaseIsNotRelearned) {
  BasePowerEstimator estimator;
  estimator.Give(7 * kWatt);
  Feed(estimator, 10, 20, 15, [](double t) { return static_cast<int>(t) % 2; });
  EXPECT_EQ(estimator.base().ticks_per_second, 7 * kWatt);
}

// Feeds for so long, a base that may change with time, and asks every other second; gives the largest error of a base
// that was called known, beyond its interval, W, from `from_s` on.
double WorstKnownError(const std::function<double(double)>& base_w, const std::function<double(double)>& busy_cpus,
                       double seconds, double from_s, int* known) {
  BasePowerEstimator estimator;
  double worst = 0;
  double carried = 0;
  for (int ms = 0; ms < seconds * 1000; ++ms) {
    const double t = ms * 1e-3;
    const double exact = (base_w(t) + 15 * busy_cpus(t)) * 1e-3 * kWatt + carried;
    const auto ticks = static_cast<uint64_t>(exact);
    carried = exact - static_cast<double>(ticks);
    estimator.Add(ticks, 1'000'000, static_cast<int64_t>(busy_cpus(t) * 1e6));
    if (ms % 2000 != 1999) continue;
    estimator.Update();
    if (t < from_s || !estimator.base().known) continue;
    ++*known;
    worst = std::max(worst, (std::abs(estimator.base().ticks_per_second - base_w(t) * kWatt) -
                             estimator.base().error_ticks_per_second) /
                                kWatt);
  }
  return worst;
}

// Load that changes about twice a second.
double Busy(double t) { return 0.3 + (static_cast<int>(t * 2.3) * 7 % 5) * 0.4; }

TEST(BasePowerTest, AStepOfTheBaseIsFollowed) {
  for (const double step_w : {8.0, -8.0}) {
    int known = 0;
    const double worst = WorstKnownError([&](double t) { return t < 150 ? 20 : 20 + step_w; }, Busy, 240, 160, &known);
    EXPECT_GT(known, 10) << step_w;
    EXPECT_LT(worst, 0.5) << step_w << ": ten seconds after the step the old base must not be called known";
  }
}

TEST(BasePowerTest, ADriftingBaseIsFollowed) {
  int known = 0;
  // A package that warms up by a watt a minute.
  const double worst = WorstKnownError([](double t) { return 20 + t / 60; }, Busy, 600, 30, &known);
  EXPECT_GT(known, 100);
  EXPECT_LT(worst, 0.6);
}

TEST(BasePowerTest, ABaseThatSwingsIsFollowedOrNotCalledKnown) {
  int known = 0;
  const double worst =
      WorstKnownError([](double t) { return 20 + 3 * std::sin(t / 30 * 6.283); }, Busy, 300, 30, &known);
  EXPECT_LT(worst, 1.5);
}

// The interval must hold the truth in most of many trials.
TEST(BasePowerTest, TheIntervalCoversTheTruth) {
  int known = 0;
  int covered = 0;
  for (uint32_t seed = 0; seed < 100; ++seed) {
    BasePowerEstimator estimator;
    std::mt19937 random(seed + 100);
    double level = 1;
    int until = 0;
    Feed(
        estimator, 15, 20, 15,
        [&](double t) {
          if (t * 1000 >= until) {
            level = static_cast<double>(random() % 2000) * 1e-3;
            until += 20 + static_cast<int>(random() % 300);
          }
          return level;
        },
        seed);
    if (!estimator.base().known) continue;
    ++known;
    const double error = std::abs(estimator.base().ticks_per_second - 20 * kWatt);
    covered += error <= estimator.base().error_ticks_per_second ? 1 : 0;
  }
  EXPECT_GE(known, 90);
  EXPECT_GE(covered, known * 95 / 100);
}

}  // namespace
}  // namespace vrapl
