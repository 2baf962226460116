#include "base/clock.h"

#include <gtest/gtest.h>

#include <ctime>

namespace vrapl {
namespace {

int64_t Monotonic() {
  timespec now;
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * kNanosPerSecond + now.tv_nsec;
}

// Intervals are measured by a clock that nobody sets: a step of the wall clock between two samples made 54.7 kW
// elsewhere.
TEST(RealClockTest, IsTheMonotonicOne) {
  for (int i = 0; i < 100; ++i) {
    const int64_t before_ns = Monotonic();
    const int64_t now_ns = RealClock().NowNs();
    EXPECT_LE(before_ns, now_ns);
    EXPECT_LE(now_ns, Monotonic());
  }
}

TEST(RealClockTest, ADeadlineThatHasPassedDoesNotWait) {
  const int64_t before_ns = RealClock().NowNs();
  RealClock().SleepUntil(before_ns - kNanosPerSecond);
  RealClock().SleepUntil(before_ns + 1);
  EXPECT_GT(RealClock().NowNs(), before_ns);
}

}  // namespace
}  // namespace vrapl
