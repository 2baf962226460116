#include "sampler/guest_account.h"

#include <gmock/gmock.h>

#include <cmath>
#include <random>

#include "base/clock.h"
#include "delivery/guest_line.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

constexpr int64_t kFlushNs = 2 * kNanosPerSecond;
constexpr uint32_t kEpoch = 0xabcd;
constexpr uint64_t kSeed = 5;

class GuestAccountTest : public testing::Test {
 protected:
  void Begin(const GuestPolicy& policy) { account_.emplace(policy, kEpoch, kSeed, 0, kFlushNs); }
  GuestFlush Flush(int64_t energy_uj) {
    end_ns_ += kFlushNs;
    return {.end_ns = end_ns_,
            .unix_ns = end_ns_,
            .energy_uj = energy_uj,
            .active_uj = energy_uj / 2,
            .err_uj = 300,
            .run_time_ns = kNanosPerSecond,
            .vcpus = 2,
            .source = "made",
            .run_time_method = "bpf"};
  }
  std::optional<GuestLine> Add(const GuestFlush& flush, bool last = false) {
    const std::optional<std::string> text = account_->Add(flush, last);
    if (!text) return std::nullopt;
    const absl::StatusOr<GuestLine> line = ParseGuestLine(*text);
    EXPECT_THAT(line, IsOk());
    return line.ok() ? std::optional<GuestLine>(*line) : std::nullopt;
  }
  std::optional<GuestAccount> account_;
  int64_t end_ns_ = 0;
};

TEST_F(GuestAccountTest, ALineGoesWhenItsPeriodHasPassedAndTellsAllOfIt) {
  Begin({.period_ns = 5 * kNanosPerSecond, .quantum_uj = 1});
  EXPECT_FALSE(Add(Flush(1000)));
  EXPECT_FALSE(Add(Flush(2000)));
  const std::optional<GuestLine> line = Add(Flush(3000));  // after 6 s: 4 s were too soon
  ASSERT_TRUE(line);
  EXPECT_EQ(line->seq, 1u);
  EXPECT_EQ(line->dt_us, 6'000'000);
  EXPECT_EQ(line->energy_uj, 6000);
  EXPECT_EQ(line->active_uj, 3000);
  EXPECT_EQ(line->run_time_ns, 3 * kNanosPerSecond);
  EXPECT_EQ(line->err_uj, std::ceil(300 * std::sqrt(3.0)));
  EXPECT_EQ(line->power_mw, 1);
  EXPECT_FALSE(Add(Flush(1)));
  const std::optional<GuestLine> last = Add(Flush(1), /*last=*/true);
  ASSERT_TRUE(last);
  EXPECT_EQ(last->energy_uj, 6002);
  EXPECT_EQ(last->dt_us, 4'000'000);
}

TEST_F(GuestAccountTest, OnlyTheFieldsOfThePolicyAreTold) {
  Begin({.active = false, .error = false, .run_time = false});
  const std::optional<GuestLine> bare = Add(Flush(500'000));
  ASSERT_TRUE(bare);
  EXPECT_EQ(bare->energy_uj, 500'000);
  EXPECT_FALSE(bare->active_uj || bare->active_power_mw || bare->err_uj || bare->run_time_ns);
  Begin({});
  end_ns_ = 0;
  const std::optional<GuestLine> all = Add(Flush(500'000));
  EXPECT_TRUE(all->active_uj && all->active_power_mw && all->err_uj && all->run_time_ns);
}

TEST_F(GuestAccountTest, WhoOptedOutIsToldNothing) {
  Begin({.deliver = false});
  EXPECT_FALSE(account_->Add(Flush(500'000), false));
  EXPECT_FALSE(account_->Add(Flush(500'000), true));
}

TEST_F(GuestAccountTest, WhatWasAmissInAnyFlushIsSaidOfTheLine) {
  Begin({.period_ns = 6 * kNanosPerSecond, .quantum_uj = 1});
  GuestFlush amiss = Flush(1000);
  amiss.model = Model::kCapacity;
  amiss.state = kLineGap;
  amiss.active_uj.reset();
  amiss.err_uj.reset();
  amiss.energy_known = false;
  Add(amiss);
  Add(Flush(1000));
  const std::optional<GuestLine> line = Add(Flush(1000));
  ASSERT_TRUE(line);
  EXPECT_EQ(line->model, "capacity");
  EXPECT_NE(line->state & kLineGap, 0u);
  EXPECT_FALSE(line->active_uj);
  EXPECT_FALSE(line->err_uj);
  EXPECT_EQ(line->energy_uj, 3000) << "what came late is there";
  Add(Flush(1000));
  Add(Flush(1000));
  const std::optional<GuestLine> next = Add(Flush(1000));
  EXPECT_EQ(next->model, "base-share");
  EXPECT_EQ(next->state, kLineOk);
  EXPECT_EQ(next->active_uj, 2500);
}

TEST_F(GuestAccountTest, ACounterThatCannotBeReadIsNoZero) {
  Begin({});
  GuestFlush unread = Flush(0);
  unread.energy_known = false;
  const std::optional<GuestLine> line = Add(unread);
  ASSERT_TRUE(line);
  EXPECT_FALSE(line->energy_uj || line->active_uj || line->power_mw || line->err_uj);
  EXPECT_TRUE(line->run_time_ns);
}

// Whatever the policy, the cumulative energy is right to one quantum, at every line.
TEST_F(GuestAccountTest, CumulativeEnergyIsRightToOneQuantum) {
  std::mt19937_64 random(11);
  for (const bool noise : {false, true}) {
    for (const int64_t quantum_uj : {int64_t{1}, int64_t{777}, int64_t{1'000'000}}) {
      Begin({.period_ns = 4 * kNanosPerSecond, .quantum_uj = quantum_uj, .noise = noise});
      end_ns_ = 0;
      int64_t true_uj = 0;
      int64_t told_uj = 0;
      for (int i = 0; i < 200; ++i) {
        const auto energy_uj = static_cast<int64_t>(random() % 3'000'000);
        true_uj += energy_uj;
        const std::optional<GuestLine> line = Add(Flush(energy_uj));
        if (!line) continue;
        EXPECT_LT(std::abs(*line->energy_uj - true_uj), quantum_uj);
        EXPECT_GE(*line->energy_uj, told_uj);
        told_uj = *line->energy_uj;
      }
      EXPECT_GT(told_uj, 0);
    }
  }
}

}  // namespace
}  // namespace vrapl
