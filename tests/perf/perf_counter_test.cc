#include "perf/perf_counter.h"

#include <gmock/gmock.h>

#include "base/clock.h"

namespace vrapl {
namespace {

constexpr EnergyUnit kUnit{kPerfJoulesPerCount};
constexpr uint64_t Counts(double joules) { return static_cast<uint64_t>(joules / kPerfJoulesPerCount); }
constexpr int64_t kStart = 5 * kNanosPerSecond;

class PerfCounterTest : public testing::Test {
 protected:
  PerfCounter Counter(uint64_t first, double max_watts = GuardedCounter::kMaxWatts) const {
    return PerfCounter(first, kStart, kUnit, max_watts);
  }
  int64_t now_ns_ = kStart;
  int Advance(PerfCounter& counter, uint64_t raw, int64_t after_ns = kNanosPerMilli) {
    return counter.Advance(raw, now_ns_ += after_ns);
  }
};

TEST_F(PerfCounterTest, CountsFromItsFirstValue) {
  PerfCounter counter = Counter(1000);
  EXPECT_EQ(Advance(counter, 1000), 0);
  EXPECT_EQ(counter.total().count, 0u) << "equal readings are no energy";
  EXPECT_EQ(Advance(counter, 1250), 0);
  EXPECT_EQ(Advance(counter, 1300), 0);
  EXPECT_EQ(counter.total().count, 300u);
}

// A count that has gone below zero, as after a wraparound of TPMI's, crosses it again on its way up.
TEST_F(PerfCounterTest, CrossesZeroIn64Bits) {
  PerfCounter counter = Counter(0 - uint64_t{100});
  EXPECT_EQ(Advance(counter, 50), 0);
  EXPECT_EQ(counter.total().count, 150u);
}

struct StepCase {
  const char* what;
  uint64_t scale;  // of one hardware count, as the driver cuts it: floor(unit in nJ x 2^32 / 10^9)
};

// The hardware goes from 2^32 - 1 to 5; the driver subtracts without regard to it, and scales.
TEST_F(PerfCounterTest, TheStepBackOfTpmisWraparoundIsEnergy) {
  for (const StepCase& step :
       {StepCase{"2^-13 J", 524286}, StepCase{"2^-14 J", 262143}, StepCase{"2^-15 J", 131069},
        StepCase{"2^-16 J", 65532}, StepCase{"DRAM's 15300 nJ", 65712}, StepCase{"2^-18 J", 16381}}) {
    const uint64_t first_hardware = (uint64_t{1} << 32) - 1;
    const uint64_t last_hardware = 5;
    const uint64_t opened_at = 4'000'000'000;  // what the hardware showed when the event was opened and counted 0
    PerfCounter counter = Counter((first_hardware - opened_at) * step.scale);
    now_ns_ = kStart;
    EXPECT_EQ(Advance(counter, (last_hardware - opened_at) * step.scale), 0) << step.what;
    EXPECT_EQ(counter.total().count, 6 * step.scale) << step.what;
    EXPECT_EQ(Advance(counter, (last_hardware + 1 - opened_at) * step.scale), 0) << step.what;
    EXPECT_EQ(counter.total().count, 7 * step.scale) << step.what;
  }
}

TEST_F(PerfCounterTest, OtherStepsBackAreNoWraparound) {
  const uint64_t first = Counts(300'000);
  PerfCounter counter = Counter(first);
  for (const double joules : {0.001, 700.0, 16'000.0, 200'000.0, 300'000.0}) {
    EXPECT_EQ(Advance(counter, first - Counts(joules)), ERANGE) << joules;
    EXPECT_EQ(counter.total().count, 0u);
  }
  EXPECT_EQ(Advance(counter, first + 7), 0) << "the next good reading counts from the last good one";
  EXPECT_EQ(counter.total().count, 7u);
}

// The driver takes a failed read for a 0: all of the register is gone, and comes back with the next.
TEST_F(PerfCounterTest, AFailedReadOfTheDriverIsAGlitch) {
  const uint64_t raw = 3'000'000'000 * uint64_t{262143};
  PerfCounter counter = Counter(0);
  EXPECT_EQ(Advance(counter, 500), 0);
  EXPECT_EQ(Advance(counter, 500 - raw), ERANGE);
  EXPECT_EQ(Advance(counter, 900), 0);
  EXPECT_EQ(counter.total().count, 900u);
}

TEST_F(PerfCounterTest, AGlitchThatStaysIsANewBeginning) {
  PerfCounter counter = Counter(Counts(1000));
  for (int i = 1; i < GuardedCounter::kMaxGlitches; ++i) EXPECT_EQ(Advance(counter, Counts(1)), ERANGE);
  EXPECT_EQ(Advance(counter, Counts(1)), EOVERFLOW);
  EXPECT_EQ(Advance(counter, Counts(1) + 9), 0);
  EXPECT_EQ(counter.total().count, 9u);
}

// 500 W for 655 s without a reader lose one range of 2^-14 J: what is there is not to be believed. We read sooner, and
// then all of it counts: 10 s of 500 W are 5000 J.
TEST_F(PerfCounterTest, AGapInWhichTheHardwareCanHaveWrappedIsUnknown) {
  PerfCounter counter = Counter(0);
  EXPECT_EQ(Advance(counter, Counts(5000), 10 * kNanosPerSecond), 0);
  EXPECT_EQ(counter.total().count, Counts(5000));
  EXPECT_EQ(Advance(counter, Counts(5000 + 655.36 * 500 - 262144), 655 * kNanosPerSecond), EOVERFLOW);
  EXPECT_EQ(counter.total().count, Counts(5000));
  EXPECT_EQ(Advance(counter, Counts(5000 + 655.36 * 500 - 262144) + 11), 0);
  EXPECT_EQ(counter.total().count, Counts(5000) + 11);
  PerfCounter platform = Counter(0, GuardedCounter::kMaxPlatformWatts);
  now_ns_ = kStart;
  EXPECT_EQ(Advance(platform, 1, 4 * kNanosPerSecond), EOVERFLOW) << "ten times the power, a tenth of the time";
}

TEST_F(PerfCounterTest, WhatIsForgottenIsNotCounted) {
  PerfCounter counter = Counter(100);
  EXPECT_EQ(Advance(counter, 150), 0);
  counter.Forget();
  EXPECT_EQ(Advance(counter, 170), EOVERFLOW);
  EXPECT_EQ(Advance(counter, 175), 0);
  EXPECT_EQ(counter.total().count, 55u);
}

// A guest whose hypervisor refreshes its counters once a second sees 80 W as 80 J within a millisecond.
TEST_F(PerfCounterTest, AHypervisorsRefreshOnceASecondIsNoGlitch) {
  PerfCounter counter = Counter(0);
  for (int second = 1; second <= 5; ++second) {
    for (int ms = 1; ms < 1000; ++ms) ASSERT_EQ(Advance(counter, Counts(80.0 * (second - 1))), 0);
    ASSERT_EQ(Advance(counter, Counts(80.0 * second)), 0) << second;
  }
  EXPECT_EQ(counter.total().count, Counts(400));
}

// 4.5 kW of a wrong scale, in steps of 4.5 J: the room for late updates is there once.
TEST_F(PerfCounterTest, KilowattsInSmallStepsAreAGlitch) {
  PerfCounter counter = Counter(0);
  int refused = 0;
  for (int ms = 1; ms <= 1000; ++ms) refused += Advance(counter, Counts(4.5 * ms)) == 0 ? 0 : 1;
  EXPECT_GT(refused, 100);
}

// A scale that is not 2^-32 J is another driver's: its step back tells nothing.
TEST_F(PerfCounterTest, StepsAreKnownForTheKernelsScaleOnly) {
  PerfCounter counter(uint64_t{262143} << 32, kStart, {1e-9}, GuardedCounter::kMaxWatts);
  EXPECT_EQ(Advance(counter, 1000), ERANGE);
}

}  // namespace
}  // namespace vrapl
