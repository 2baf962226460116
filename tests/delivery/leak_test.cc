// What lines tell of a neighbour, measured, is held against the bound.
#include <cstdio>

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

}  // namespace
}  // namespace vrapl
