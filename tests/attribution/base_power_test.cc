#include "attribution/base_power.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>

namespace vrapl {
namespace {

constexpr double kWatt = 16384;  // ticks per second

// A package in milliseconds: base + uncore while any CPU is in use + slope x CPUs in use; update edges with jitter,
// ticks of 2^-14 J.
class Package {
 public:
  Package(BasePowerEstimator& estimator, double uncore_w, uint32_t seed = 1)
      : estimator_(estimator), uncore_w_(uncore_w), random_(seed) {}

  // One millisecond.
  void Pass(double base_w, double busy_cpus) {
    const double awake = std::min(1.0, busy_cpus);
    const double edge = jitter_(random_);
    const double watts = base_w + uncore_w_ * awake + kSlope * busy_cpus;
    const double exact = watts * 1e-3 * kWatt * (1 + edge - carried_edge_) + carried_;
    carried_edge_ = edge;
    const auto ticks = static_cast<uint64_t>(exact);
    carried_ = exact - static_cast<double>(ticks);
    estimator_.Add(ticks, 1'000'000, static_cast<int64_t>(busy_cpus * 1e6), awake * 1e6);
    if (++ms_ % 1900 == 0) estimator_.Update();
  }

 private:
  static constexpr double kSlope = 15;
  BasePowerEstimator& estimator_;
  double uncore_w_;
  std::mt19937 random_;
  std::uniform_real_distribution<double> jitter_{-0.1, 0.1};
  double carried_ = 0;
  double carried_edge_ = 0;
  int ms_ = 0;
};

BasePower Learned(double seconds, double base_w, double uncore_w, const std::function<double(double)>& busy_cpus,
                  uint32_t seed = 1) {
  BasePowerEstimator estimator;
  Package package(estimator, uncore_w, seed);
  for (int ms = 0; ms < seconds * 1000; ++ms) package.Pass(base_w, busy_cpus(ms * 1e-3));
  return estimator.base();
}

// What a second of load leaves quiet: 20 ms, now and then 1 to 3 % of a CPU.
double SeldomQuiet(double t) { return std::fmod(t, 1.0) < 0.02 ? 0.02 : 0.7 + std::fmod(t * 7.3, 1.0); }

TEST(BasePowerTest, IsSeenWhereThePackageIsQuiet) {
  const BasePower base = Learned(20, 20, 9, SeldomQuiet);
  ASSERT_TRUE(base.known);
  EXPECT_TRUE(base.seen);
  // A straight line to no load would meet it 9 W too high.
  EXPECT_NEAR(base.ticks_per_second / kWatt, 20, 0.4);
  EXPECT_LE(std::abs(base.ticks_per_second / kWatt - 20), base.error_ticks_per_second / kWatt);
}

TEST(BasePowerTest, FindsTheFloorOfAnIdleHost) {
  // An idle host: 1 to 6 % of a CPU, a little more now and then, as daemons wake.
  const BasePower base = Learned(8, 80, 0, [](double t) { return 0.01 + 0.01 * (static_cast<int>(t * 7) % 6); });
  ASSERT_TRUE(base.known);
  // Nothing tells what little ran in it adds; so it is not known as well as it might seem.
  EXPECT_NEAR(base.ticks_per_second / kWatt, 80, 3);
  EXPECT_LE(std::abs(base.ticks_per_second / kWatt - 80), base.error_ticks_per_second / kWatt);
}

TEST(BasePowerTest, IsNotKnownWhileLoadNeverChanges) {
  std::mt19937 random(3);
  const auto busy = [&](double) { return 1.9 + 0.0001 * static_cast<double>(random() % 10); };
  EXPECT_FALSE(Learned(60, 20, 9, busy).known);
}

TEST(BasePowerTest, WhereThePackageIsNeverQuietItsIntervalSaysSo) {
  for (const double uncore_w : {0.0, 5.0, 15.0}) {
    const BasePower base = Learned(60, 20, uncore_w, [](double t) { return 0.8 + std::fmod(t * 2.3, 1.0); });
    EXPECT_FALSE(base.seen);
    if (base.known) {
      EXPECT_LE(std::abs(base.ticks_per_second / kWatt - 20), base.error_ticks_per_second / kWatt) << uncore_w;
    }
  }
}

TEST(BasePowerTest, DoesNotStickToAMinimumSeenOnce) {
  BasePowerEstimator estimator;
  Package package(estimator, 0);
  for (int ms = 0; ms < 1000; ++ms) package.Pass(5, 0.02);
  for (int ms = 0; ms < 60'000; ++ms) package.Pass(20, SeldomQuiet(ms * 1e-3));
  ASSERT_TRUE(estimator.base().known);
  EXPECT_NEAR(estimator.base().ticks_per_second / kWatt, 20, 0.4);
}

// A base that may change with time: the largest error of one that was called known, beyond its interval, W, from
// `from_s` on.
double WorstKnownError(const std::function<double(double)>& base_w, const std::function<double(double)>& busy_cpus,
                       double seconds, double from_s, int* known) {
  BasePowerEstimator estimator;
  Package package(estimator, 9);
  double worst = 0;
  for (int ms = 0; ms < seconds * 1000; ++ms) {
    const double t = ms * 1e-3;
    package.Pass(base_w(t), busy_cpus(t));
    if (ms % 2000 != 1999 || t < from_s || !estimator.base().known) continue;
    ++*known;
    worst = std::max(worst, (std::abs(estimator.base().ticks_per_second - base_w(t) * kWatt) -
                             estimator.base().error_ticks_per_second) /
                                kWatt);
  }
  return worst;
}

// What was seen once is worth less and less; the package may warm up meanwhile.
TEST(BasePowerTest, WhatIsNoLongerSeenIsDoubtedMoreAndMore) {
  int known = 0;
  const auto busy = [](double t) { return t < 20 ? SeldomQuiet(t) : 0.7 + std::fmod(t * 7.3, 1.0); };
  EXPECT_LT(WorstKnownError([](double t) { return 20 + std::max(0.0, t - 20) / 60; }, busy, 900, 10, &known), 0.3);
  EXPECT_GT(known, 60);
  BasePowerEstimator estimator;
  Package package(estimator, 9);
  for (int ms = 0; ms < 20'000; ++ms) package.Pass(20, SeldomQuiet(ms * 1e-3));
  ASSERT_TRUE(estimator.base().seen);
  const double at_first = estimator.base().error_ticks_per_second;
  for (int ms = 0; ms < 60'000; ++ms) package.Pass(20, 1.5);
  EXPECT_GT(estimator.base().error_ticks_per_second, 2 * at_first);
  for (int ms = 0; ms < 1'200'000; ++ms) package.Pass(20, 1.5);
  EXPECT_FALSE(estimator.base().seen);
}

// A counter of few ticks: what is less than a tick may be just so in every sample.
TEST(BasePowerTest, FewTicksAreNotTakenForExactOnes) {
  BasePowerEstimator estimator;
  for (int ms = 0; ms < 20'000; ++ms) {
    // 2.1 ticks a millisecond; once in two seconds seven samples are quiet, and often all of them show 2.
    const bool quiet = ms % 2003 < 7;
    const auto ticks = static_cast<uint64_t>(21 * (ms + 1) / 10 - 21 * ms / 10);
    estimator.Add(quiet ? ticks : ticks + 3, 1'000'000, quiet ? 10'000 : 900'000, quiet ? 10'000 : 900'000);
    if (ms % 2003 != 2002) continue;
    estimator.Update();
    if (!estimator.base().known) continue;
    EXPECT_LE(std::abs(estimator.base().ticks_per_second - 2100), estimator.base().error_ticks_per_second);
  }
}

TEST(BasePowerTest, AGivenBaseIsNotRelearned) {
  BasePowerEstimator estimator;
  estimator.Give(7 * kWatt);
  Package package(estimator, 9);
  for (int ms = 0; ms < 10'000; ++ms) package.Pass(20, SeldomQuiet(ms * 1e-3));
  EXPECT_EQ(estimator.base().ticks_per_second, 7 * kWatt);
}

// The counter may be read once a second: the samples of many flushes are enough then.
TEST(BasePowerTest, IsLearnedFromSlowSamplesToo) {
  BasePowerEstimator estimator;
  for (int s = 0; s < 120; ++s) {
    const double busy = s % 8 < 3 ? 0.01 : 1.5;
    const double watts = 20 + 15 * busy;
    estimator.Add(static_cast<uint64_t>(watts * kWatt), 1'000'000'000, static_cast<int64_t>(busy * 1e9),
                  std::min(1.0, busy) * 1e9);
    if (s % 2 == 1) estimator.Update();
  }
  ASSERT_TRUE(estimator.base().seen);
  EXPECT_LE(std::abs(estimator.base().ticks_per_second / kWatt - 20), estimator.base().error_ticks_per_second / kWatt);
}

// Load that changes about twice a second and is never nothing.
double Busy(double t) { return 0.3 + (static_cast<int>(t * 2.3) * 7 % 5) * 0.4; }

TEST(BasePowerTest, AStepOfTheBaseIsFollowed) {
  for (const auto& busy : {Busy, SeldomQuiet}) {
    for (const double step_w : {8.0, -8.0}) {
      int known = 0;
      const double worst =
          WorstKnownError([&](double t) { return t < 150 ? 20 : 20 + step_w; }, busy, 240, 160, &known);
      EXPECT_LT(worst, 0.5) << step_w << ": ten seconds after the step the old base must not be called known";
      if (busy == SeldomQuiet) {
        EXPECT_GT(known, 30);
      }
    }
  }
}

TEST(BasePowerTest, ADriftingBaseIsFollowed) {
  for (const auto& busy : {Busy, SeldomQuiet}) {
    int known = 0;
    // A package that warms up by a watt a minute.
    EXPECT_LT(WorstKnownError([](double t) { return 20 + t / 60; }, busy, 600, 30, &known), 0.3);
    if (busy == SeldomQuiet) {
      EXPECT_GT(known, 250);
    }
  }
}

TEST(BasePowerTest, ABaseThatSwingsIsFollowedOrNotCalledKnown) {
  for (const auto& busy : {Busy, SeldomQuiet}) {
    int known = 0;
    EXPECT_LT(WorstKnownError([](double t) { return 20 + 3 * std::sin(t / 30 * 6.283); }, busy, 300, 30, &known), 0.7);
  }
}

// The interval must hold the truth in most of many trials, whether the package is ever quiet or not.
TEST(BasePowerTest, TheIntervalCoversTheTruth) {
  for (const double least : {0.0, 0.4}) {
    int known = 0;
    int covered = 0;
    for (uint32_t seed = 0; seed < 100; ++seed) {
      std::mt19937 random(seed + 100);
      double level = 1;
      int until = 0;
      const auto busy = [&](double t) {
        if (t * 1000 >= until) {
          level = least + (random() % 3 == 0 ? 0.01 : static_cast<double>(random() % 2000) * 1e-3);
          until += 20 + static_cast<int>(random() % 300);
        }
        return level;
      };
      const double uncore_w = static_cast<double>(random() % 15);
      const BasePower base = Learned(16, 20, uncore_w, busy, seed);
      if (!base.known) continue;
      ++known;
      covered += std::abs(base.ticks_per_second - 20 * kWatt) <= base.error_ticks_per_second ? 1 : 0;
    }
    if (least == 0) {
      EXPECT_GE(known, 95);
    }
    EXPECT_GE(covered, known * 95 / 100) << known << " known, least load " << least;
  }
}

}  // namespace
}  // namespace vrapl
