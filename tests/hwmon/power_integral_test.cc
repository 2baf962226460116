#include "hwmon/power_integral.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <random>

namespace vrapl {
namespace {

constexpr int64_t kStart = 7 * kNanosPerSecond;
constexpr uint64_t kWatt = 1'000'000;

TEST(PowerIntegralTest, TheFirstReadingBegins) {
  PowerIntegral integral;
  EXPECT_EQ(integral.Advance(20 * kWatt, kStart), 0);
  EXPECT_EQ(integral.total().count, 0u);
  EXPECT_EQ(integral.Advance(20 * kWatt, kStart + 10 * kNanosPerMilli), 0);
  EXPECT_EQ(integral.total().count, 200'000u) << "20 W for 10 ms are 0.2 J";
}

TEST(PowerIntegralTest, BetweenTwoReadingsLiesAStraightLine) {
  PowerIntegral integral;
  EXPECT_EQ(integral.Advance(10 * kWatt, kStart), 0);
  EXPECT_EQ(integral.Advance(30 * kWatt, kStart + 100 * kNanosPerMilli), 0);
  EXPECT_EQ(integral.total().count, 2'000'000u);
  EXPECT_EQ(integral.Advance(0, kStart + 200 * kNanosPerMilli), 0);
  EXPECT_EQ(integral.total().count, 3'500'000u);
}

TEST(PowerIntegralTest, NothingIsLostByRounding) {
  // 3 uW for 1 ms are 3 nJ: a microjoule is full after 334 readings, and 3000 uJ after a million.
  PowerIntegral integral;
  for (int64_t i = 0; i <= 1'000'000; ++i) ASSERT_EQ(integral.Advance(3, kStart + i * kNanosPerMilli), 0);
  EXPECT_EQ(integral.total().count, 3000u);
}

// Two sensors read at the same instants: the integral of their sum is the sum of their integrals, to the last tick's
// rest.
TEST(PowerIntegralTest, SumsAndOrderOfReadingsAgree) {
  std::minstd_rand random(42);
  PowerIntegral a;
  PowerIntegral b;
  PowerIntegral both;
  uint64_t at_once = 0;  // the same by 128 bits, in half microwatt nanoseconds
  __uint128_t exact = 0;
  uint64_t last = 0;
  int64_t now_ns = kStart;
  for (int i = 0; i < 10'000; ++i) {
    const uint64_t cpu = random() % (100 * kWatt);
    const uint64_t io = random() % (20 * kWatt);
    const int64_t dt_ns = static_cast<int64_t>(random() % kNanosPerSecond);
    now_ns += dt_ns;
    ASSERT_EQ(a.Advance(cpu, now_ns) | b.Advance(io, now_ns) | both.Advance(cpu + io, now_ns), 0);
    if (i > 0) exact += static_cast<__uint128_t>(last + cpu + io) * static_cast<uint64_t>(dt_ns);
    last = cpu + io;
  }
  at_once = static_cast<uint64_t>(exact / 2'000'000'000);
  EXPECT_EQ(both.total().count, at_once);
  EXPECT_LE(both.total().count - (a.total().count + b.total().count), 1u);
}

// The greatest power for the longest time is within 64 bits.
TEST(PowerIntegralTest, TheLargestIntervalDoesNotOverflow) {
  PowerIntegral integral;
  EXPECT_EQ(integral.Advance(PowerIntegral::kMaxMicrowatts, kStart), 0);
  EXPECT_EQ(integral.Advance(PowerIntegral::kMaxMicrowatts, kStart + PowerIntegral::kMaxGapNs), 0);
  EXPECT_EQ(integral.total().count, PowerIntegral::kMaxMicrowatts);
}

// 2 s during which nobody knows: neither the old value nor the new one nor their mean.
TEST(PowerIntegralTest, TheTimeOfAGapIsNotIntegrated) {
  PowerIntegral integral;
  EXPECT_EQ(integral.Advance(10 * kWatt, kStart), 0);
  integral.Break();
  integral.Break();
  EXPECT_EQ(integral.Advance(10 * kWatt, kStart + 100 * kNanosPerMilli), EOVERFLOW);
  EXPECT_EQ(integral.total().count, 0u);
  EXPECT_EQ(integral.Advance(10 * kWatt, kStart + 200 * kNanosPerMilli), 0);
  EXPECT_EQ(integral.total().count, 1'000'000u) << "from the good reading on";
  EXPECT_EQ(integral.Advance(10 * kWatt, kStart + 2 * kNanosPerSecond), EOVERFLOW) << "nobody read for so long";
  EXPECT_EQ(integral.total().count, 1'000'000u);
  EXPECT_EQ(integral.Advance(10 * kWatt, kStart + kNanosPerSecond), EOVERFLOW) << "time went back";
  EXPECT_EQ(integral.total().count, 1'000'000u);
}

TEST(PowerIntegralTest, NoPackageUsesSoMuch) {
  PowerIntegral integral;
  EXPECT_EQ(integral.Advance(10 * kWatt, kStart), 0);
  EXPECT_EQ(integral.Advance(4'294'967'000'000, kStart + kNanosPerMilli), ERANGE);
  EXPECT_EQ(integral.Advance(10 * kWatt, kStart + 2 * kNanosPerMilli), EOVERFLOW);
  EXPECT_EQ(integral.Advance(10 * kWatt, kStart + 3 * kNanosPerMilli), 0);
  EXPECT_EQ(integral.total().count, 10'000u);
}

TEST(PowerIntegralTest, ZeroWattsAreAReading) {
  PowerIntegral integral;
  EXPECT_EQ(integral.Advance(0, kStart), 0);
  EXPECT_EQ(integral.Advance(0, kStart + kNanosPerMilli), 0);
  EXPECT_EQ(integral.total().count, 0u);
}

}  // namespace
}  // namespace vrapl
