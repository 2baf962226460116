#include "base/units.h"

#include <gtest/gtest.h>

namespace vrapl {
namespace {

TEST(UnitsTest, TicksTimesUnitIsExactForPowersOfTwo) {
  const EnergyUnit unit{1.0 / (1 << 14)};
  EXPECT_EQ((EnergyTicks{1 << 14} * unit).value, 1.0);
  EXPECT_EQ((EnergyTicks{1} * unit).value, 6.103515625e-05);
}

TEST(UnitsTest, PowerIsEnergyOverTime) { EXPECT_DOUBLE_EQ((Joules{30.0} / absl::Milliseconds(2000)).value, 15.0); }

// The law behind every energy_uj: parts of an interval add up to the interval, whatever rounding does to each.
TEST(UnitsTest, DifferencesOfRoundedTotalsAddUp) {
  const EnergyUnit unit{1.0 / (1 << 14)};
  EnergyTicks total;
  int64_t sum_uj = 0;
  int64_t last_uj = 0;
  for (uint64_t step = 0; step < 10'000; ++step) {
    total.count += step * 7919 % 83;
    const int64_t now_uj = RoundedMicrojoules(total, unit);
    sum_uj += now_uj - last_uj;
    last_uj = now_uj;
  }
  EXPECT_EQ(sum_uj, RoundedMicrojoules(total, unit));
}

TEST(UnitsTest, LargeTotalsRoundExactly) {
  // 2^50 ticks of 2^-14 J = 2^36 J.
  EXPECT_EQ(RoundedMicrojoules({uint64_t{1} << 50}, {1.0 / (1 << 14)}), (int64_t{1} << 36) * 1'000'000);
}

}  // namespace
}  // namespace vrapl
