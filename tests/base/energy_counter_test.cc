#include "base/energy_counter.h"

#include <gtest/gtest.h>

namespace vrapl {
namespace {

constexpr EnergyUnit kUnit{1.0 / (1 << 14)};

struct Step {
  const char* what;
  uint64_t before;
  uint64_t now;
  uint64_t ticks;
};

class RegisterStepTest : public testing::TestWithParam<Step> {};

TEST_P(RegisterStepTest, CountsModuloTheRegister) {
  EnergyCounter counter(GetParam().before);
  EXPECT_EQ(counter.Advance(GetParam().now).count, GetParam().ticks);
  EXPECT_EQ(counter.Advance(GetParam().now).count, GetParam().ticks) << "the same reading again is no energy";
}

INSTANTIATE_TEST_SUITE_P(Steps, RegisterStepTest,
                         testing::Values(Step{"plain", 5, 7, 2},                                          //
                                         Step{"equal readings are no energy", 5, 5, 0},                   //
                                         Step{"a start at 0 is a start", 0, 9, 9},                        //
                                         Step{"wraparound", 0xFFFF'FFF0, 0x10, 0x20},                     //
                                         Step{"wraparound by one is one tick", 0xFFFF'FFFF, 0, 1},        //
                                         Step{"dirty high half", 0x1'FFFF'FFFF, 0x2'0000'0000, 1},        //
                                         Step{"dirty high half, no wraparound", 0xABCD'0000'0001, 3, 2},  //
                                         Step{"64-bit AMD counter over 2^32", 0x1'FFFF'FFF0, 0x2'0000'0010, 0x20}));

TEST(EnergyCounterTest, AFailedReadOnlyDelaysTheCount) {
  EnergyCounter counter(100);
  counter.Advance(150);
  // A failed read calls nothing here; the next good one counts all of it.
  EXPECT_EQ(counter.Advance(400).count, 300u);
}

// A powercap zone wraps at its largest value plus one unit, each zone at its own.
TEST(EnergyCounterTest, CountsModuloAZonesRange) {
  constexpr uint64_t kMax = 262'143'328'850;
  EnergyCounter package(kMax - 10, kMax + 61);
  EXPECT_EQ(package.Advance(5).count, 10u + 61 + 5);
  constexpr uint64_t kDramMax = 65'712'999'613;
  EnergyCounter dram(kDramMax - 10, kDramMax + 15);
  EXPECT_EQ(dram.Advance(5).count, 10u + 15 + 5);
}

TEST(EnergyCounterTest, AFirstReadingBeyondTheRangeDoesNoHarm) {
  EnergyCounter counter(1004, 1000);
  EXPECT_EQ(counter.Advance(6).count, 2u);
}

// Law: whatever the start and the steps, the total is their sum, as long as each step is below the modulus.
TEST(EnergyCounterTest, TheTotalIsTheSumOfTheSteps) {
  for (const uint64_t wrap : {kRegisterWrap, uint64_t{262'143'328'911}, uint64_t{4'294'967'296'000'000}}) {
    uint64_t truth = wrap - 3;
    EnergyCounter counter(truth % wrap, wrap);
    uint64_t sum = 0;
    uint64_t step = 1;
    for (int i = 0; i < 10'000; ++i) {
      step = (step * 6364136223846793005 + 1442695040888963407) % wrap;
      truth = (truth + step) % wrap;
      sum += step;
      ASSERT_EQ(counter.Advance(truth).count, sum);
    }
  }
}

TEST(GuardedCounterTest, CountsWhatAPackageCanUse) {
  GuardedCounter counter(0xFFFF'FFF0, 0, kUnit);
  EXPECT_EQ(counter.Advance(0x10, 1'000'000), 0);
  EXPECT_EQ(counter.total().count, 0x20u);
}

// A Ryzen 7840HS was seen to step back by 700 J, and tools to show 64.8 kW for it.
TEST(GuardedCounterTest, ABackwardsStepIsNoWraparound) {
  constexpr uint64_t kStepBack = 700 << 14;
  GuardedCounter counter(1'000'000'000, 0, kUnit);
  EXPECT_EQ(counter.Advance(1'000'001'000, 1'000'000), 0);
  EXPECT_EQ(counter.Advance(1'000'001'000 - kStepBack, 2'000'000), ERANGE);
  EXPECT_EQ(counter.total().count, 1000u);
  EXPECT_EQ(counter.Advance(1'000'003'000, 3'000'000), 0) << "one bad reading must not spoil the baseline";
  EXPECT_EQ(counter.total().count, 3000u);
}

// Registers of a machine that hides them for a while read 0. That is no new start: the energy comes with the first
// reading that is one.
TEST(GuardedCounterTest, AZeroThatStaysIsNoNewStart) {
  GuardedCounter counter(3'000'000'000, 0, kUnit);
  int64_t now_ns = 0;
  for (int i = 0; i < 600; ++i) ASSERT_EQ(counter.Advance(0, now_ns += 1'000'000), ERANGE) << i;
  EXPECT_EQ(counter.Advance(3'000'500'000, now_ns += 1'000'000), 0);
  EXPECT_EQ(counter.total().count, 500'000u);
  // So long that a wraparound may have gone unseen: unknown, when there is something to read again.
  for (int i = 0; i < 100; ++i) ASSERT_EQ(counter.Advance(0, now_ns += 1'000'000'000), ERANGE) << i;
  EXPECT_EQ(counter.Advance(3'001'000'000, now_ns += 1'000'000), EOVERFLOW);
  EXPECT_EQ(counter.Advance(3'001'000'007, now_ns += 1'000'000), 0);
  EXPECT_EQ(counter.total().count, 500'007u);
}

TEST(GuardedCounterTest, AWraparoundMayLandOnZero) {
  GuardedCounter counter(0xFFFF'FFF0, 0, kUnit);
  EXPECT_EQ(counter.Advance(0, 1'000'000), 0);
  EXPECT_EQ(counter.total().count, 0x10u);
}

TEST(GuardedCounterTest, AForwardGlitchIsNoEnergy) {
  GuardedCounter counter(0, 0, kUnit);
  EXPECT_EQ(counter.Advance(700 << 14, 1'000'000), ERANGE);
  EXPECT_EQ(counter.Advance(2000, 2'000'000), 0);
  EXPECT_EQ(counter.total().count, 2000u);
}

// A counter that has been reset stays where it is: after a while that is the new start, and the loss is said.
TEST(GuardedCounterTest, AStepThatStaysIsANewStart) {
  GuardedCounter counter(3'000'000'000, 0, kUnit);
  int64_t now_ns = 0;
  int error = 0;
  int reads = 0;
  do {
    error = counter.Advance(1000, now_ns += 1'000'000);
    ++reads;
  } while (error == ERANGE);
  EXPECT_EQ(error, EOVERFLOW);
  EXPECT_EQ(reads, GuardedCounter::kMaxGlitches);
  EXPECT_EQ(counter.Advance(1500, now_ns += 1'000'000), 0);
  EXPECT_EQ(counter.total().count, 500u);
}

// 1795 s at 160 W is 287 kJ, over one wraparound of 262 kJ: from the two ends nobody can tell.
TEST(GuardedCounterTest, AGapThatMayHoldAWraparoundIsUnknown) {
  constexpr auto kTicks = static_cast<uint64_t>(1795.0 * 160 * (1 << 14));
  GuardedCounter counter(0, 0, kUnit);
  EXPECT_EQ(counter.Advance(kTicks, 1795 * int64_t{1'000'000'000}), EOVERFLOW);
  EXPECT_EQ(counter.total().count, 0u);
}

TEST(GuardedCounterTest, WhatCameBeforeANewStartIsForgotten) {
  GuardedCounter counter(0, 0, kUnit);
  EXPECT_EQ(counter.Advance(1000, 1'000'000), 0);
  counter.Forget();
  EXPECT_EQ(counter.Advance(500, 2'000'000), EOVERFLOW) << "less than before, and no wraparound";
  EXPECT_EQ(counter.Advance(800, 3'000'000), 0);
  EXPECT_EQ(counter.total().count, 1300u);
}

TEST(GuardedCounterTest, AGapOfSecondsIsCounted) {
  GuardedCounter counter(0, 0, kUnit);
  EXPECT_EQ(counter.Advance(160 * 5 << 14, int64_t{5'000'000'000}), 0);
  EXPECT_EQ(counter.total().count, 160u * 5 << 14);
}

// A hypervisor's counter stands still for a second and then shows all of it: 80 J in a millisecond, and no glitch.
TEST(GuardedCounterTest, ACounterThatIsRefreshedOnceASecondIsCounted) {
  GuardedCounter counter(5, 0, kUnit);
  uint64_t raw = 5;
  for (int64_t ms = 1; ms <= 5000; ++ms) {
    if (ms % 1000 == 0) raw += 80 << 14;
    ASSERT_EQ(counter.Advance(raw, ms * 1'000'000), 0) << ms;
  }
  EXPECT_EQ(counter.total().count, uint64_t{5 * 80 << 14});
}

// 4.5 kW, read so often that each step alone is below the room for late updates.
TEST(GuardedCounterTest, AWrongUnitsKilowattsAreNoEnergyHoweverOftenTheyAreRead) {
  GuardedCounter counter(0, 0, kUnit);
  uint64_t refused = 0;
  for (int64_t ms = 1; ms <= 10'000; ++ms) {
    const auto raw = static_cast<uint64_t>(static_cast<double>(ms) * 4.5 * (1 << 14));
    refused += counter.Advance(raw, ms * 1'000'000) != 0 ? 1 : 0;
  }
  EXPECT_GT(refused, 1000u) << "and it is said";
  EXPECT_LE((counter.total() * kUnit).value, GuardedCounter::kMaxWatts * 10 + GuardedCounter::kSlackJoules);
}

TEST(GuardedCounterTest, AStepBackAfterALongRestIsNoWraparound) {
  GuardedCounter counter(1'000'000'000, 0, kUnit);
  constexpr int64_t kRestNs = int64_t{3600} * 1'000'000'000;
  for (int64_t ns = 0; ns <= kRestNs; ns += 1'000'000'000) ASSERT_EQ(counter.Advance(1'000'000'000, ns), 0);
  EXPECT_EQ(counter.Advance(999'000'000, kRestNs + 1'000'000), ERANGE);
  EXPECT_EQ(counter.Advance(1'000'000'100, kRestNs + 2'000'000), 0);
  EXPECT_EQ(counter.total().count, 100u);
}

// What a package really does, with updates that come late and together, is all counted.
TEST(GuardedCounterTest, BurstsBelowTheBoundAreAllCounted) {
  GuardedCounter counter(0xFFFF'0000, 0, kUnit);
  uint64_t truth = 0;
  uint64_t shown = 0;
  uint32_t random = 1;
  for (int64_t ms = 1; ms <= 20'000; ++ms) {
    random = random * 1664525 + 1013904223;
    truth += (random >> 8) % 16'000;        // up to 980 W
    if (random >> 24 >= 16) shown = truth;  // else this update is late
    ASSERT_EQ(counter.Advance(static_cast<uint32_t>(0xFFFF'0000 + shown), ms * 1'000'000), 0) << ms;
  }
  EXPECT_EQ(counter.total().count, shown);
}

TEST(GuardedCounterTest, TwoReadsAtOneInstantMayDifferByAnUpdate) {
  GuardedCounter counter(0, 7, kUnit);
  EXPECT_EQ(counter.Advance(5000, 7), 0);
  EXPECT_EQ(counter.total().count, 5000u);
}

}  // namespace
}  // namespace vrapl
