#include "delivery/guest_line_maker.h"

#include <cmath>
#include <cstdlib>
#include <random>

#include "delivery/guest_line.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

using testing::HasSubstr;
using testing::Optional;

constexpr int64_t kSecond = 1'000'000'000;

GuestReading At(int64_t end_ns, std::optional<int64_t> energy_uj) {
  GuestReading reading;
  reading.end_ns = end_ns;
  reading.unix_ns = end_ns + 1'763'767'882 * kSecond;
  reading.energy_uj = energy_uj;
  reading.run_time_ns = end_ns / 2;
  reading.vcpus = 2;
  reading.model = "base-share";
  reading.source = "msr";
  return reading;
}

TEST(GuestLineMakerTest, FirstLineIsWarmAndCountsFromTheEpoch) {
  GuestLineMaker maker(0x1234, 10 * kSecond, 1);
  const absl::StatusOr<GuestLine> first = maker.Next(At(12 * kSecond, 30'000'000));
  ASSERT_THAT(first, IsOk());
  EXPECT_EQ(first->seq, 1u);
  EXPECT_EQ(first->state, kLineWarm);
  EXPECT_EQ(first->dt_us, 2'000'000);
  EXPECT_THAT(first->power_mw, Optional(15'000));
  EXPECT_EQ(first->epoch, 0x1234u);
  EXPECT_EQ(first->unix_ms, 1'763'767'894'000);
  const absl::StatusOr<GuestLine> second = maker.Next(At(14 * kSecond, 30'000'000));
  ASSERT_THAT(second, IsOk());
  EXPECT_EQ(second->seq, 2u);
  EXPECT_EQ(second->state, kLineOk);
  EXPECT_THAT(second->power_mw, Optional(0));  // measured, and nothing: not the same as unknown
}

// A reader can tell from it how far energy may be behind, which the figures alone do not show.
TEST(GuestLineMakerTest, TheStepIsToldWithTheEnergy) {
  GuestLineMaker maker(1, 0, 250'000);
  const absl::StatusOr<GuestLine> line = maker.Next(At(2 * kSecond, 10'100'000));
  ASSERT_THAT(line, IsOk());
  EXPECT_THAT(line->energy_uj, Optional(10'000'000));
  EXPECT_THAT(line->quantum_uj, Optional(250'000));
  EXPECT_EQ(maker.Next(At(4 * kSecond, std::nullopt))->quantum_uj, std::nullopt);
}

TEST(GuestLineMakerTest, UnknownIsNeverZero) {
  GuestLineMaker maker(1, 0, 1);
  ASSERT_THAT(maker.Next(At(2 * kSecond, 10'000'000)), IsOk());
  GuestReading blind = At(4 * kSecond, std::nullopt);
  blind.state = kLineGap;
  const absl::StatusOr<GuestLine> gap = maker.Next(blind);
  ASSERT_THAT(gap, IsOk());
  EXPECT_EQ(gap->energy_uj, std::nullopt);
  EXPECT_EQ(gap->power_mw, std::nullopt);
  EXPECT_EQ(gap->active_uj, std::nullopt);
  // The energy of both intervals is here, and no power that would claim it for one of them.
  const absl::StatusOr<GuestLine> back = maker.Next(At(6 * kSecond, 50'000'000));
  ASSERT_THAT(back, IsOk());
  EXPECT_THAT(back->energy_uj, Optional(50'000'000));
  EXPECT_EQ(back->power_mw, std::nullopt);
  EXPECT_THAT(maker.Next(At(8 * kSecond, 52'000'000))->power_mw, Optional(1000));
}

TEST(GuestLineMakerTest, WhatGoesBackNeedsANewEpoch) {
  GuestLineMaker maker(1, 0, 1);
  ASSERT_THAT(maker.Next(At(2 * kSecond, 10'000'000)), IsOk());
  EXPECT_THAT(maker.Next(At(2 * kSecond, 11'000'000)), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("time")));
  EXPECT_THAT(maker.Next(At(4 * kSecond, 9'999'999)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("new epoch")));
  EXPECT_EQ(maker.Next(At(4 * kSecond, 12'000'000))->seq, 2u);  // the refused ones left no trace
}

// The law that makes a guest able to trust either figure: power x dt is the difference of energy, line by line to half
// a milliwatt, so in sum too, whatever the quantum; and nothing of the energy is ever lost, only told later.
TEST(GuestLineMakerTest, PowerAndEnergyAgree) {
  std::mt19937_64 random(5);
  for (const int64_t quantum_uj : {int64_t{1}, int64_t{1000}, kDefaultQuantumUj, int64_t{1'000'000}}) {
    int64_t now_ns = static_cast<int64_t>(random() % kSecond);
    GuestLineMaker maker(7, now_ns, quantum_uj);
    const int64_t start_us = now_ns / 1000;
    int64_t energy_uj = 0;
    int64_t told_uj = 0;
    int64_t sum_dt_us = 0;
    double integral_uj = 0;
    double allowed_uj = 0;
    for (int i = 0; i < 20000; ++i) {
      now_ns += 2 * kSecond + static_cast<int64_t>(random() % 2'000'000) - 1'000'000;
      if (i % 97 == 0) now_ns += static_cast<int64_t>(random() % (60 * kSecond));  // a late flush
      if (i % 5 != 0)
        energy_uj += static_cast<int64_t>(random() % (i % 7 == 0 ? 600'000'000 : 3'000));  // 300 W, or almost nothing
      const absl::StatusOr<GuestLine> made = maker.Next(At(now_ns, energy_uj));
      ASSERT_THAT(made, IsOk());
      // As the guest sees it: through the text.
      const absl::StatusOr<GuestLine> line = ParseGuestLine(FormatGuestLine(*made));
      ASSERT_THAT(line, IsOk());
      ASSERT_EQ(*line->energy_uj % quantum_uj, 0);
      ASSERT_LE(*line->energy_uj, energy_uj);
      ASSERT_LT(energy_uj - *line->energy_uj, quantum_uj);  // the rest is carried, not lost
      // mW x us = nJ
      const int64_t difference_nj = (*line->energy_uj - told_uj) * 1000;
      ASSERT_LE(std::abs(*line->power_mw * line->dt_us - difference_nj), line->dt_us / 2 + 1);
      told_uj = *line->energy_uj;
      sum_dt_us += line->dt_us;
      integral_uj += static_cast<double>(*line->power_mw) * static_cast<double>(line->dt_us) / 1000;
      allowed_uj += 0.5 * static_cast<double>(line->dt_us) / 1000;
      ASSERT_EQ(sum_dt_us, now_ns / 1000 - start_us);  // intervals leave no gap and do not overlap
    }
    EXPECT_LE(std::abs(integral_uj - static_cast<double>(told_uj)), allowed_uj);
  }
}

TEST(GuestLineMakerTest, HugeValuesDoNotOverflow) {
  GuestLineMaker maker(1, 0, 1);
  const absl::StatusOr<GuestLine> line = maker.Next(At(int64_t{86'400} * 365 * kSecond, int64_t{1} << 62));
  ASSERT_THAT(line, IsOk());
  EXPECT_NEAR(static_cast<double>(*line->power_mw), std::pow(2, 62) / (86'400.0 * 365) / 1000, 1.0);
}

}  // namespace
}  // namespace vrapl
