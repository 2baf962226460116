#include "emulator/update_schedule.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

namespace vrapl {
namespace {

constexpr int64_t kFirst = 5'000'000'000;
constexpr int64_t kPeriod = 1'000'000;
constexpr int64_t kJitter = 20'000;

TEST(UpdateScheduleTest, SameSeedSameInstants) {
  const UpdateSchedule one(kFirst, kPeriod, kJitter, 42);
  const UpdateSchedule again(kFirst, kPeriod, kJitter, 42);
  const UpdateSchedule other(kFirst, kPeriod, kJitter, 43);
  int different = 0;
  for (int64_t i = 0; i < 1000; ++i) {
    EXPECT_EQ(one.Instant(i), again.Instant(i));
    different += one.Instant(i) != other.Instant(i) ? 1 : 0;
  }
  EXPECT_GT(different, 990);
}

TEST(UpdateScheduleTest, JitterFillsItsRangeAndDoesNotAddUp) {
  const UpdateSchedule schedule(kFirst, kPeriod, kJitter, 1);
  int64_t earliest = 0;
  int64_t latest = 0;
  double sum = 0;
  constexpr int kUpdates = 100'000;
  for (int64_t i = 0; i < kUpdates; ++i) {
    const int64_t off = schedule.Instant(i) - (kFirst + i * kPeriod);
    ASSERT_LE(std::abs(off), kJitter) << i;
    earliest = std::min(earliest, off);
    latest = std::max(latest, off);
    sum += static_cast<double>(off);
  }
  EXPECT_LT(earliest, -kJitter * 9 / 10);
  EXPECT_GT(latest, kJitter * 9 / 10);
  EXPECT_LT(std::abs(sum / kUpdates), kJitter / 50);
}

TEST(UpdateScheduleTest, LastIndexIsTheInverse) {
  for (const int64_t jitter : {int64_t{0}, int64_t{1}, kJitter, kPeriod / 2 - 1}) {
    const UpdateSchedule schedule(kFirst, kPeriod, jitter, 7);
    EXPECT_EQ(schedule.LastIndex(0), -1);
    EXPECT_EQ(schedule.LastIndex(schedule.Instant(0) - 1), -1) << jitter;
    for (int64_t i = 0; i < 2000; ++i) {
      ASSERT_LT(schedule.Instant(i), schedule.Instant(i + 1)) << jitter;
      ASSERT_EQ(schedule.LastIndex(schedule.Instant(i)), i) << jitter;
      ASSERT_EQ(schedule.LastIndex(schedule.Instant(i + 1) - 1), i) << jitter;
    }
  }
}

}  // namespace
}  // namespace vrapl
