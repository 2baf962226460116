// Samples at the updates of a counter whose schedule is known to the nanosecond, under the loop that ships.
#include "sampler/edge_lock.h"

#include <gmock/gmock.h>

#include <atomic>
#include <cerrno>
#include <random>
#include <utility>

#include "sampler/edge_counts.h"
#include "sampler/sampling_loop.h"
#include "tests/count_allocations.h"
#include "tests/sampler/made_package.h"
#include "tests/sampler/scheduled_counter.h"

namespace vrapl {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

constexpr int64_t kMs = kNanosPerMilli;
constexpr int64_t kPeekNs = ScheduledCounter::kPeekNs;

struct Taken {
  SampleHeader header;
  uint64_t ticks = 0;
  int32_t error = 0;
};

class EdgeLockTest : public testing::Test {
 protected:
  void Make(int64_t period_ns, int64_t jitter_ns, int64_t learned_ns, int64_t sample_period_ns = kMs,
            int64_t read_cost_ns = 1'500) {
    counter_.emplace(clock_, period_ns, jitter_ns);
    counter_->SetReadCost(read_cost_ns);
    loop_.emplace(*counter_, run_time_, clock_,
                  SamplingLoop::Options{
                      .period_ns = sample_period_ns,
                      .edge_lock = EdgeLock::Options{.update_period_ns = learned_ns, .period_ns = sample_period_ns}});
    loop_->Start();
    at_start_ = counter_->Updates(loop_->start_ns());
  }
  std::vector<Taken> StepFor(int64_t ns) {
    std::vector<Taken> all;
    for (const int64_t end_ns = clock_.NowNs() + ns; clock_.NowNs() < end_ns;) {
      loop_->Step();
      loop_->ring().Pop([&](const Sample& sample) {
        all.push_back({sample.header, sample.ticks[0], sample.errors[0]});
        edges_.Add(sample.header, sample.ticks[0] != last_ticks_);
        last_ticks_ = sample.ticks[0];
        dt_ns_ += sample.header.dt_ns;
        run_ns_ += sample.header.time.total_ns();
      });
    }
    return all;
  }
  // Whatever happened: no time and no energy is lost, and each tick is sampled or missed.
  void ExpectLaws(int64_t allowed_ticks, int64_t updates_per_tick = 1) {
    EXPECT_EQ(run_ns_, 2 * dt_ns_);
    EXPECT_EQ(last_ticks_, counter_->Ticks());
    const LatenessSummary lateness = loop_->lateness();
    const int64_t passed = (counter_->Updates(clock_.NowNs()) - at_start_) / updates_per_tick;
    EXPECT_NEAR(static_cast<double>(lateness.samples + lateness.missed), static_cast<double>(passed),
                static_cast<double>(allowed_ticks));
  }

  SimulatedClock clock_;
  MadePackage run_time_{clock_, {}};
  std::optional<ScheduledCounter> counter_;
  std::optional<SamplingLoop> loop_;
  EdgeCounter edges_;
  int64_t at_start_ = 0;
  uint64_t last_ticks_ = 0;
  int64_t dt_ns_ = 0;
  int64_t run_ns_ = 0;
};

TEST_F(EdgeLockTest, EverySampleIsAtAnUpdateAndHasTheEnergyOfOne) {
  Make(999'000, 11'000, 999'300);
  const std::vector<Taken> samples = StepFor(10 * kNanosPerSecond);
  ASSERT_GT(samples.size(), 9'900u);
  for (size_t i = 0; i < samples.size(); ++i) {
    ASSERT_EQ(samples[i].header.flags, kSampleAtEdge) << i;
    // Within two reads, and skew_ns says so.
    const int64_t off_ns = samples[i].header.t_ns - counter_->InstantOf(samples[i].ticks);
    ASSERT_LE(std::abs(off_ns), kPeekNs) << i;
    ASSERT_GE(samples[i].header.skew_ns, std::abs(off_ns));
    if (i > 0) {
      ASSERT_EQ(samples[i].ticks - samples[i - 1].ticks, 60'000u) << i;
    }
  }
  EXPECT_EQ(edges_.counts().empty + edges_.counts().doubles + edges_.counts().missed, 0u);
  EXPECT_EQ(loop_->lateness().missed, 0u);
  ExpectLaws(1);
  // The CPU is left to others for seven eighths of the time, but for what jitter takes.
  EXPECT_LT(counter_->peeks() * kPeekNs, 10 * kNanosPerSecond * 15 / 100);
}

TEST_F(EdgeLockTest, LateWakesAreMissedTicksAndDoubleSamplesNotBlindOnes) {
  for (uint32_t seed = 0; seed < 5; ++seed) {
    std::mt19937 random(seed);
    Make(1'000'000, 6'500, 1'000'200);
    edges_ = {};
    dt_ns_ = run_ns_ = 0;
    clock_.OnSleep([&](int64_t) {
      const uint32_t what = random() % 100;
      clock_.Advance(what == 0   ? static_cast<int64_t>(random() % 20'000'000)
                     : what < 10 ? static_cast<int64_t>(random() % 400'000)
                                 : static_cast<int64_t>(random() % 30'000));
    });
    const std::vector<Taken> samples = StepFor(5 * kNanosPerSecond);
    uint64_t doubles = 0;
    for (size_t i = 1; i < samples.size(); ++i) {
      const uint64_t updates = (samples[i].ticks - samples[i - 1].ticks) / 60'000;
      if ((samples[i].header.flags & kSampleAtEdge) == 0 || (samples[i - 1].header.flags & kSampleAtEdge) == 0)
        continue;
      ASSERT_LE(std::abs(samples[i].header.t_ns - counter_->InstantOf(samples[i].ticks)), kPeekNs);
      ASSERT_EQ((samples[i].header.flags & kSampleDouble) != 0, updates >= 2) << i << ": " << updates;
      doubles += updates >= 2 ? 1 : 0;
    }
    EXPECT_GT(doubles, 50u);
    EXPECT_GE(edges_.counts().doubles, doubles);
    EXPECT_LT(edges_.counts().missed, 20u) << "after a long stall it has to be found anew, no more";
    EXPECT_GT(loop_->lateness().missed, 100u);
    ExpectLaws(3);
    clock_.OnSleep(nullptr);
  }
}

// Deep idle states, no real-time rights or steal: 130 us is enough at 1 ms, less at longer periods.
TEST_F(EdgeLockTest, WhereEveryWakeIsTooLateItGoesByTheClock) {
  for (const int64_t period_ns : {kMs, 5 * kMs, 10 * kMs, 20 * kMs, 100 * kMs}) {
    SCOPED_TRACE(period_ns);
    Make(1'000'000, 3'000, 1'000'000, period_ns);
    edges_ = {};
    last_ticks_ = 0;
    dt_ns_ = run_ns_ = 0;
    StepFor(50 * period_ns);
    clock_.OnSleep([&](int64_t) { clock_.Advance(200'000); });
    const uint64_t by_clock = edges_.counts().by_clock;
    const int64_t wakes = 200;
    const std::vector<Taken> samples = StepFor(wakes * period_ns + 2 * kNanosPerSecond);
    const int64_t ticks = wakes + 2 * kNanosPerSecond / period_ns;
    EXPECT_GT(static_cast<int64_t>(samples.size()), ticks * 9 / 10);
    for (size_t i = 1; i < samples.size(); ++i) {
      ASSERT_LE(samples[i].header.dt_ns, period_ns + 2 * kMs) << i << ": two updates more than asked for, at most";
    }
    EXPECT_EQ(samples[EdgeLock::kMissesToRest].header.flags, 0u) << "by the clock";
    const auto tried = static_cast<int64_t>(samples.size() - (edges_.counts().by_clock - by_clock));
    EXPECT_LE(tried, EdgeLock::kMissesToRest + 3 * ((wakes * period_ns) / EdgeLock::kRestNs + 3));
    ExpectLaws(3, period_ns / kMs);
    clock_.OnSleep(nullptr);
    // Once it wakes in time it is at the updates again.
    StepFor(EdgeLock::kRestNs + 3 * period_ns);
    for (const Taken& taken : StepFor(50 * period_ns)) ASSERT_EQ(taken.header.flags, kSampleAtEdge);
  }
}

TEST_F(EdgeLockTest, WhileItWaitsForAnUpdateThatWasMissedTheSwitchLogIsLookedAt) {
  run_time_.SetLongestPause(10 * kMs);
  Make(1'000'000, 3'000, 1'000'000, 100 * kMs);
  StepFor(kNanosPerSecond);
  clock_.OnSleep([&](int64_t) { clock_.Advance(200'000); });
  StepFor(kNanosPerSecond);
  EXPECT_LE(run_time_.longest_pause_seen_ns(), 12 * kMs);
  // Nor does it wait for an update that it cannot see before it stops.
  std::atomic<bool> stop = false;
  const int64_t asked_ns = clock_.NowNs() + 30 * kMs;
  clock_.OnSleep([&](int64_t now_ns) {
    clock_.Advance(200'000);
    stop = now_ns >= asked_ns;
  });
  loop_->Run(stop);
  EXPECT_LE(clock_.NowNs(), asked_ns + 12 * kMs);
}

TEST_F(EdgeLockTest, ACounterThatRestsIsSampledByTheClockAndLockedToAgain) {
  Make(1'000'000, 3'000, 1'000'000);
  StepFor(500 * kMs);
  const int64_t from_ns = clock_.NowNs();
  counter_->Rest(from_ns, from_ns + 3 * kNanosPerSecond);
  const int64_t peeks = counter_->peeks();
  const std::vector<Taken> resting = StepFor(3 * kNanosPerSecond);
  EXPECT_EQ(resting[2].header.flags, kSampleMissedEdge);
  EXPECT_EQ(resting[100].header.flags, 0u) << "by the clock";
  EXPECT_NEAR(static_cast<double>(resting[101].header.dt_ns), 1e6, 2e3);
  EXPECT_LT((counter_->peeks() - peeks) * kPeekNs, 60 * kMs) << "it is not polled for all that time";
  EXPECT_GT(edges_.counts().by_clock, 2'500u);
  EXPECT_GE(edges_.counts().empty, 16u);
  StepFor(kNanosPerSecond + 100 * kMs);  // the rest has to end first
  const uint64_t missed = edges_.counts().missed;
  for (const Taken& taken : StepFor(kNanosPerSecond)) ASSERT_EQ(taken.header.flags, kSampleAtEdge);
  EXPECT_EQ(edges_.counts().missed, missed);
  EXPECT_EQ(run_ns_, 2 * dt_ns_);
  EXPECT_EQ(last_ticks_, counter_->Ticks());
}

TEST_F(EdgeLockTest, AFailedReadIsNoUpdate) {
  Make(1'000'000, 3'000, 1'000'000);
  StepFor(100 * kMs);
  counter_->SetError(EIO);
  for (const Taken& taken : StepFor(5 * kMs)) {
    EXPECT_EQ(taken.header.flags, kSampleMissedEdge);
    EXPECT_EQ(taken.error, EIO);
  }
  counter_->SetError(0);
  StepFor(5 * kMs);
  for (const Taken& taken : StepFor(100 * kMs)) EXPECT_EQ(taken.header.flags, kSampleAtEdge);
  ExpectLaws(3);
}

TEST_F(EdgeLockTest, HeldUpWhileItPollsItDoesNotClaimToHaveSeenTheUpdate) {
  Make(1'000'000, 3'000, 1'000'000);
  StepFor(100 * kMs);
  int64_t held_up = 0;
  counter_->OnPeek([&] {
    if (counter_->peeks() % 500 == 0) clock_.Advance(200'000), ++held_up;
  });
  int64_t blurred = 0;
  const std::vector<Taken> samples = StepFor(kNanosPerSecond);
  for (const Taken& taken : samples) {
    if ((taken.header.flags & kSampleAtEdge) != 0) {
      ASSERT_LE(std::abs(taken.header.t_ns - counter_->InstantOf(taken.ticks)), 125'000 / 2 + kPeekNs);
    } else {
      ++blurred;
    }
  }
  EXPECT_GT(held_up, 100);
  EXPECT_GT(blurred, 20);
  EXPECT_GT(edges_.counts().at_edge, 500u);
  ExpectLaws(5);
}

TEST_F(EdgeLockTest, HeldUpBetweenTheUpdateAndTheReadItDoesNotClaimToBeAtTheUpdate) {
  Make(1'000'000, 3'000, 1'000'000);
  StepFor(100 * kMs);
  for (const int64_t hold_up_ns : {50'000, 100'000, 300'000, 990'000, 1'400'000, 7'000'000}) {
    for (const bool within : {false, true}) {
      SCOPED_TRACE(testing::Message() << hold_up_ns << (within ? " within the read" : " before it"));
      counter_->HoldUp(within ? 0 : hold_up_ns, within ? hold_up_ns : 0);
      std::vector<Taken> samples;
      while (samples.empty()) samples = StepFor(1);
      const SampleHeader& header = samples.front().header;
      const int64_t since_ns = header.t_ns - counter_->InstantOf(samples.front().ticks);
      if (hold_up_ns <= 100'000) {
        EXPECT_EQ(header.flags, kSampleAtEdge);
        EXPECT_LE(std::abs(since_ns), kPeekNs);
      } else {
        EXPECT_EQ(header.flags, kSampleMissedEdge);
        EXPECT_NEAR(static_cast<double>(clock_.NowNs() - header.t_ns),
                    within ? 5e-1 * static_cast<double>(hold_up_ns) : 0, 2'000);
        EXPECT_LE(header.skew_ns, (within ? hold_up_ns : 0) + 2'000) << "of the read alone";
      }
      uint64_t ticks = samples.front().ticks;
      for (const Taken& taken : StepFor(20 * kMs)) {
        ASSERT_EQ((taken.header.flags & kSampleDouble) != 0, taken.ticks - std::exchange(ticks, taken.ticks) > 60'000);
      }
      for (const Taken& taken : StepFor(20 * kMs)) {
        ASSERT_EQ(taken.header.flags, kSampleAtEdge);
        ASSERT_LE(std::abs(taken.header.t_ns - counter_->InstantOf(taken.ticks)), kPeekNs);
      }
    }
  }
  ExpectLaws(10);
}

TEST_F(EdgeLockTest, AReadThatAlwaysTakesLongIsNotHeldUp) {
  Make(1'000'000, 3'000, 1'000'000, kMs, /*read_cost_ns=*/300'000);
  for (const Taken& taken : StepFor(kNanosPerSecond)) {
    ASSERT_EQ(taken.header.flags, kSampleAtEdge);
    ASSERT_GE(taken.header.skew_ns, 300'000);
  }
  ExpectLaws(1);
}

TEST_F(EdgeLockTest, ALongerPeriodIsSoManyUpdates) {
  Make(999'000, 5'000, 999'000, 10 * kMs);
  const std::vector<Taken> samples = StepFor(5 * kNanosPerSecond);
  for (size_t i = 1; i < samples.size(); ++i) {
    ASSERT_EQ(samples[i].header.flags, kSampleAtEdge);
    ASSERT_EQ(samples[i].ticks - samples[i - 1].ticks, 600'000u);
  }
  EXPECT_LT(counter_->peeks() * kPeekNs, 5 * kNanosPerSecond * 2 / 100);
}

TEST_F(EdgeLockTest, AfterALateWakeALongerPeriodIsOnItsGridAgain) {
  Make(999'000, 5'000, 999'000, 10 * kMs);
  int64_t sleeps = 0;
  clock_.OnSleep([&](int64_t) { clock_.Advance(++sleeps % 3 == 0 ? 200'000 : 10'000); });
  for (const Taken& taken : StepFor(5 * kNanosPerSecond)) ASSERT_NE(taken.header.flags & kSampleAtEdge, 0u);
  ExpectLaws(1, 10);
  EXPECT_EQ(loop_->lateness().missed, 0u) << "one update late is no missed tick";
  clock_.OnSleep(nullptr);
  const int64_t peeks = counter_->peeks();
  StepFor(kNanosPerSecond);
  EXPECT_LT((counter_->peeks() - peeks) * kPeekNs, 100 * 140'000) << "it still knows the period";
}

TEST_F(EdgeLockTest, ThePeriodFollowsTheCounter) {
  Make(1'000'000, 3'000, 980'000);  // 2 % from what was learned
  StepFor(100 * kMs);
  counter_->OnPeek([] {});
  const int64_t peeks = counter_->peeks();
  for (const Taken& taken : StepFor(kNanosPerSecond)) ASSERT_EQ(taken.header.flags, kSampleAtEdge);
  EXPECT_LT((counter_->peeks() - peeks) * kPeekNs, 140 * kMs) << "an eighth, not an eighth and 2 %";
}

TEST_F(EdgeLockTest, AllocatesNothing) {
#ifdef COUNTS_ALLOCATIONS
  Make(1'000'000, 6'500, 1'000'000);
  loop_->Step();
  counter_->Rest(clock_.NowNs() + 50 * kMs, clock_.NowNs() + 100 * kMs);
  const int before = allocations;
  for (int i = 0; i < 500; ++i) loop_->Step();
  EXPECT_EQ(allocations, before);
#else
  GTEST_SKIP() << "the sanitizers have an operator new of their own";
#endif
}

TEST_F(EdgeLockTest, WhereItCannotLockItSaysWhy) {
  Make(1'000'000, 0, 1'000'000);
  const auto align = [&](const UpdateSummary& updates) {
    return AlignToEdges(*counter_, std::vector<UpdateSummary>{updates}, kMs);
  };
  const Alignment good = align({.edges = 200, .period_ns = 999'000, .jitter_ns = 6'500});
  ASSERT_TRUE(good.lock.has_value());
  EXPECT_EQ(good.lock->update_period_ns, 999'000);
  EXPECT_THAT(good.notice, IsEmpty());
  const struct {
    UpdateSummary updates;
    const char* why;
  } rows[] = {{{.edges = 0}, "did not move"},
              {{.edges = 30}, "no even period"},
              {{.edges = 3, .period_ns = kNanosPerSecond}, "only every 1000 ms"},
              {{.edges = 200, .period_ns = 999'000, .jitter_ns = 40'000}, "unevenly, 40 us"}};
  for (const auto& [updates, why] : rows) {
    const Alignment bad = align(updates);
    EXPECT_FALSE(bad.lock.has_value());
    EXPECT_THAT(bad.notice, HasSubstr(why));
    EXPECT_THAT(bad.notice, HasSubstr("by the clock"));
  }
  // One that cannot be peeked at, and one that nobody looked at.
  MadePackage blind(clock_, {});
  EXPECT_THAT(AlignToEdges(blind, std::vector<UpdateSummary>(2, {.edges = 200, .period_ns = 999'000}), kMs).notice,
              HasSubstr("does not show when"));
  EXPECT_THAT(AlignToEdges(*counter_, {}, kMs).notice, HasSubstr("no counter"));
  // There are no more samples than updates.
  const Alignment finer =
      AlignToEdges(*counter_, std::vector<UpdateSummary>{{.edges = 200, .period_ns = 999'000}}, kMs / 10);
  EXPECT_TRUE(finer.lock.has_value());
  EXPECT_THAT(finer.notice, HasSubstr("every 0.999 ms"));
}

TEST(EdgeCounterTest, TheLastSampleOfARunIsNotCalledOneByTheClock) {
  EdgeCounter counter;
  counter.Add({.flags = kSampleAtEdge}, true);
  counter.Add({.flags = kSampleAtEdge | kSampleDouble}, true);
  counter.Add({.flags = kSampleMissedEdge}, false);
  counter.Add({.flags = 0}, true);
  EXPECT_EQ(counter.counts().at_edge, 2u);
  EXPECT_EQ(counter.counts().doubles, 1u);
  EXPECT_EQ(counter.counts().missed, 1u);
  EXPECT_EQ(counter.counts().empty, 1u);
  EXPECT_EQ(counter.counts().by_clock, 0u);
  counter.Add({.flags = 0}, true);
  EXPECT_EQ(counter.counts().by_clock, 1u);
  EdgeCounter never;
  for (int i = 0; i < 3; ++i) never.Add({.flags = 0}, false);
  EXPECT_FALSE(never.counts().locked());
  EXPECT_EQ(never.counts().empty, 0u) << "by the clock as asked for: the counter's own summary tells";
}

}  // namespace
}  // namespace vrapl
