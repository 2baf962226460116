#include "emulator/busy_time.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

constexpr int64_t kMs = kNanosPerMilli;

// /proc/stat of two CPUs of which the first has these times, as the kernel shows them: whole ticks of 10 ms, cut.
std::string ProcStat(int64_t idle_ns, int64_t iowait_ns, int64_t steal_ns) {
  const int64_t tick_ns = kNanosPerSecond / ::sysconf(_SC_CLK_TCK);
  return absl::StrCat("cpu  1 2 3 4 5 6 7 8 9 0\ncpu0 77 0 88 ", idle_ns / tick_ns, " ", iowait_ns / tick_ns, " 0 9 ",
                      steal_ns / tick_ns, " 0 0\ncpu1 0 0 0 0 0 0 0 0 0 0\nintr 1 2 3\n");
}

class ProcStatBusyTimeTest : public testing::Test {
 protected:
  void SetUp() override {
    std::ofstream(path_) << ProcStat(1000 * kMs, 0, 0);
    absl::StatusOr<std::unique_ptr<ProcStatBusyTime>> busy = ProcStatBusyTime::Create({0, 1}, path_);
    ASSERT_THAT(busy, IsOk());
    busy_ = *std::move(busy);
    start_ns_ = now_ns_ = MonotonicNs();  // Create has observed the file just now
  }

  // Lets `ns` go by in steps of 1 ms, a look every 10 ms or so, some missed; this part of it was spent idle, waiting
  // and stolen.
  void Pass(int64_t ns, double idle, double iowait = 0, double steal = 0) {
    for (const int64_t end_ns = now_ns_ + ns; now_ns_ < end_ns;) {
      now_ns_ += kMs;
      idle_ns_ += static_cast<int64_t>(idle * kMs);
      iowait_ns_ += static_cast<int64_t>(iowait * kMs);
      steal_ns_ += static_cast<int64_t>(steal * kMs);
      const int64_t ms = (now_ns_ - start_ns_) / kMs;
      if (ms % 10 == 0 && ms % 70 != 0 && ms % 110 < 80) {
        EXPECT_THAT(busy_->Observe(ProcStat(idle_ns_, iowait_ns_, steal_ns_), now_ns_), IsOk());
      }
      const int64_t now_busy_ns = busy_->BusyNs(0, now_ns_);
      EXPECT_GE(now_busy_ns, busy_ns_);
      EXPECT_LE(now_busy_ns, busy_ns_ + kMs + 1) << "busier than the time that went by";
      busy_ns_ = now_busy_ns;
    }
  }

  const std::string path_ = testing::TempDir() + "/busy_time_test_stat";
  std::unique_ptr<ProcStatBusyTime> busy_;
  int64_t start_ns_ = 0;
  int64_t now_ns_ = 0;
  int64_t busy_ns_ = 0;
  int64_t idle_ns_ = 1000 * kMs;
  int64_t iowait_ns_ = 0;
  int64_t steal_ns_ = 0;
};

TEST_F(ProcStatBusyTimeTest, IdleIsNotBusy) {
  Pass(2000 * kMs, 1);
  EXPECT_NEAR(busy_ns_, 0, 12 * kMs);
}

TEST_F(ProcStatBusyTimeTest, WaitingAndStolenTimeAreNotBusyEither) {
  Pass(10'000 * kMs, 0.25, 0.25, 0.25);
  EXPECT_NEAR(busy_ns_, 2500 * kMs, 35 * kMs);
}

TEST_F(ProcStatBusyTimeTest, TheTotalDoesNotDrift) {
  int64_t expected_ns = 0;
  for (int i = 0; i < 2000; ++i) {
    const double busy = (i * 37 % 11) / 10.0;
    Pass(70 * kMs, 1 - busy);
    expected_ns += static_cast<int64_t>(busy * 70 * kMs);
    // What /proc/stat leaves open (a tick of 10 ms) and what one look ahead may get wrong: after 140 s as after 1 s.
    ASSERT_NEAR(busy_ns_, expected_ns, 45 * kMs) << "after " << i;
  }
}

TEST_F(ProcStatBusyTimeTest, FollowsWithinTicks) {
  Pass(1000 * kMs, 1);
  const int64_t before_ns = busy_ns_;
  Pass(200 * kMs, 0);
  EXPECT_GT(busy_ns_ - before_ns, 140 * kMs);
}

TEST_F(ProcStatBusyTimeTest, APastInstantGivesThePast) {
  Pass(1000 * kMs, 0);
  const int64_t before_ns = busy_ns_;
  now_ns_ += 10 * kMs;
  EXPECT_THAT(busy_->Observe(ProcStat(idle_ns_, 0, 0), now_ns_), IsOk());
  EXPECT_NEAR(busy_->BusyNs(0, now_ns_ - 5 * kMs), before_ns + 5 * kMs, kMs);
}

TEST(ProcStatBusyTimeFileTest, UnknownCpuIsAnError) {
  const std::string path = testing::TempDir() + "/busy_time_test_unknown";
  std::ofstream(path) << ProcStat(0, 0, 0);
  EXPECT_THAT(ProcStatBusyTime::Create({0, 7}, path),
              StatusIs(absl::StatusCode::kNotFound, testing::HasSubstr("cpu7")));
  EXPECT_THAT(ProcStatBusyTime::Create({0}, "/nowhere/stat"), StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace vrapl
