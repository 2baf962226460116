#include "base/update_edges.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "base/measure_updates.h"
#include "tests/fakes/simulated_clock.h"

namespace vrapl {
namespace {

// A counter that updates on a grid, each update off it by a little.
class JitteryCounter {
 public:
  JitteryCounter(int64_t first_ns, int64_t period_ns, int64_t jitter_ns, int updates, uint32_t seed = 1) {
    std::mt19937 random(seed);
    std::normal_distribution<double> off(0, static_cast<double>(jitter_ns));
    for (int i = 0; i < updates; ++i) {
      // Within what the tracker allows for, so that its bounds must hold always.
      const double jitter =
          std::clamp(off(random), -3.0 * static_cast<double>(jitter_ns), 3.0 * static_cast<double>(jitter_ns));
      edges_.push_back(first_ns + i * period_ns + std::llround(jitter));
    }
  }
  uint64_t TicksAt(int64_t t_ns) {
    while (next_ < edges_.size() && edges_[next_] <= t_ns) ++next_;
    return 100 * next_;
  }
  int64_t last_edge_ns() const { return edges_[next_ - 1]; }
  bool any() const { return next_ > 0; }

 private:
  std::vector<int64_t> edges_;
  size_t next_ = 0;
};

constexpr int64_t kStartNs = 5'000'000'000;

TEST(UpdateEdgesTest, PollingFindsPeriodAndJitter) {
  for (const int64_t period_ns : {976'563, 1'000'000, 1'003'000, 15'300'000}) {
    for (const int64_t jitter_ns : {0, 20'000, 60'000}) {
      JitteryCounter counter(kStartNs + 123'456, period_ns, jitter_ns, 500);
      UpdateEdges edges;
      for (int64_t t = kStartNs; t < kStartNs + 300 * period_ns; t += 2'000)
        edges.AddRead(t, t + 900, counter.TicksAt(t + 300));
      const UpdateSummary summary = edges.Summary();
      EXPECT_EQ(summary.edges, 300u);
      EXPECT_NEAR(static_cast<double>(summary.period_ns), static_cast<double>(period_ns),
                  static_cast<double>(summary.period_err_ns) + 1);
      EXPECT_NEAR(static_cast<double>(summary.jitter_ns), static_cast<double>(jitter_ns),
                  0.2 * static_cast<double>(jitter_ns) + 1500)
          << period_ns;
    }
  }
}

// Whoever polls is interrupted now and then, also at the very start: such a read says little of when it happened.
TEST(UpdateEdgesTest, AReadThatTookLongDoesNotMakeThePeriodShort) {
  constexpr int64_t kPeriodNs = 1'000'000;
  for (int64_t interrupted_ns = 100'000; interrupted_ns < 1'000'000; interrupted_ns += 50'000) {
    for (int nth = 0; nth < 10; ++nth) {  // the update that the interrupted read sees
      JitteryCounter counter(kStartNs, kPeriodNs, 10'000, 400);
      UpdateEdges edges;
      const int64_t interruption_ns = kStartNs + nth * kPeriodNs - interrupted_ns / 10;
      for (int64_t t = kStartNs - kPeriodNs / 2; t < kStartNs + 300 * kPeriodNs;) {
        const bool interrupted = t <= interruption_ns && interruption_ns < t + 20'000;
        const int64_t took_ns = interrupted ? interrupted_ns : 10'000;
        edges.AddRead(t, t + took_ns, counter.TicksAt(t + took_ns));
        t += took_ns + 10'000;
      }
      EXPECT_NEAR(static_cast<double>(edges.Summary().period_ns), 1e6, 2'000) << interrupted_ns << " " << nth;
    }
  }
}

// On a busy machine a poller is held up every now and then, for so long that nobody can count the updates in between.
TEST(UpdateEdgesTest, PausesDoNotBendThePeriod) {
  for (uint32_t seed = 1; seed <= 40; ++seed) {
    std::mt19937 random(seed);
    JitteryCounter counter(kStartNs + 123'456, 1'000'000, 25'000, 2'000, seed);
    UpdateEdges edges;
    for (int64_t t = kStartNs; t < kStartNs + 1'900'000'000;) {
      const int64_t took_ns = random() % 10 == 0 ? 150'000 : 15'000;
      edges.AddRead(t, t + took_ns, counter.TicksAt(t + took_ns / 2));
      const bool held_up = random() % 100 == 0;
      t += took_ns + (held_up ? static_cast<int64_t>(random() % 20'000'000) : 40'000);
    }
    const UpdateSummary summary = edges.Summary();
    EXPECT_GT(summary.period_ns, 0) << seed;
    EXPECT_NEAR(static_cast<double>(summary.period_ns), 1e6, static_cast<double>(summary.period_err_ns) + 1) << seed;
    EXPECT_NEAR(static_cast<double>(summary.period_ns), 1e6, 5'000) << seed;
  }
}

TEST(UpdateEdgesTest, TheTrueUpdateIsAlwaysWithinTheBounds) {
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    JitteryCounter counter(kStartNs + 77'000 * seed, 1'000'300, 15'000, 3000, seed);
    UpdateEdges edges;
    std::mt19937 random(seed);
    std::uniform_int_distribution<int64_t> late(0, 80'000);
    int64_t t = kStartNs;
    // Learns by polling, then reads blindly, a little late each time.
    for (; t < kStartNs + 100'000'000; t += 3'000) edges.AddRead(t, t + 1'000, counter.TicksAt(t + 500));
    uint64_t checked = 0;
    for (int64_t deadline = t; deadline < kStartNs + 2'500'000'000; deadline += 1'000'000) {
      const int64_t read_ns = deadline + late(random);
      const uint64_t moved = edges.Summary().edges;
      edges.AddRead(read_ns, read_ns + 1'000, counter.TicksAt(read_ns + 500));
      if (edges.Summary().edges == moved) continue;
      ++checked;
      ASSERT_LE(edges.last_edge_min_ns(), counter.last_edge_ns()) << "seed " << seed;
      ASSERT_GE(edges.last_edge_max_ns(), counter.last_edge_ns()) << "seed " << seed;
    }
    EXPECT_GT(checked, 2000u);
  }
}

// What the tracker is for: an update read once a millisecond is known to far better than a millisecond.
TEST(UpdateEdgesTest, AKnownGridNarrowsWhatBlindReadsLeaveOpen) {
  JitteryCounter counter(kStartNs + 400'000, 1'000'300, 10'000, 30'000);
  UpdateEdges edges;
  int64_t t = kStartNs;
  for (; t < kStartNs + 300'000'000; t += 3'000) edges.AddRead(t, t + 1'000, counter.TicksAt(t + 500));
  std::vector<int64_t> uncertain_ns;
  for (; t < kStartNs + 20'000'000'000; t += 1'000'000) {
    edges.AddRead(t, t + 1'000, counter.TicksAt(t + 500));
    if (t > kStartNs + 10'000'000'000) uncertain_ns.push_back(edges.Summary().uncertainty_ns);
  }
  std::sort(uncertain_ns.begin(), uncertain_ns.end());
  EXPECT_LT(uncertain_ns[uncertain_ns.size() / 2], 150'000) << "a bracket alone leaves 500 us either way";
}

TEST(UpdateEdgesTest, BlindReadsAloneClaimNoPeriod) {
  JitteryCounter counter(kStartNs + 400'000, 1'000'300, 10'000, 3000);
  UpdateEdges edges;
  for (int64_t t = kStartNs; t < kStartNs + 2'000'000'000; t += 1'000'000)
    edges.AddRead(t, t + 1'000, counter.TicksAt(t));
  EXPECT_EQ(edges.Summary().period_ns, 0);
  EXPECT_GT(edges.Summary().edges, 1900u);
  EXPECT_NEAR(static_cast<double>(edges.Summary().uncertainty_ns), 500'000, 1'000);
}

TEST(UpdateEdgesTest, ACounterThatStandsStillHasNoEdges) {
  UpdateEdges edges;
  for (int64_t t = kStartNs; t < kStartNs + 50'000'000; t += 10'000) edges.AddRead(t, t + 1'000, 42);
  EXPECT_EQ(edges.Summary().edges, 0u);
  EXPECT_EQ(edges.Summary().empty, 4999u);
  EXPECT_EQ(edges.Summary().period_ns, 0);
}

TEST(UpdateEdgesTest, APauseOrAMissingUpdateStartsTheGridAnew) {
  JitteryCounter counter(kStartNs, 1'000'000, 5'000, 200);
  UpdateEdges edges;
  int64_t t = kStartNs;
  for (; t < kStartNs + 100'000'000; t += 3'000) edges.AddRead(t, t + 1'000, counter.TicksAt(t));
  // The counter goes on half a period later, as after a suspend.
  JitteryCounter after(kStartNs + 150'500'000, 1'000'000, 5'000, 200);
  uint64_t base = 1'000'000;
  for (t = kStartNs + 150'000'000; t < kStartNs + 200'000'000; t += 1'000'000) {
    edges.AddRead(t, t + 1'000, base + after.TicksAt(t));
    if (!after.any()) continue;
    ASSERT_LE(edges.last_edge_min_ns(), after.last_edge_ns());
    ASSERT_GE(edges.last_edge_max_ns(), after.last_edge_ns());
  }
}

// An emulated counter that moves once a second, and cannot be read for a while.
TEST(UpdateEdgesTest, ALongPauseDoesNotBendThePeriod) {
  JitteryCounter counter(kStartNs, 1'000'000'000, 100'000, 100);
  UpdateEdges edges;
  for (int64_t t = kStartNs; t < kStartNs + 20'000'000'000; t += 1'000'000)
    edges.AddRead(t, t + 1'000, counter.TicksAt(t));
  for (int64_t t = kStartNs + 27'300'000'000; t < kStartNs + 60'000'000'000; t += 1'000'000) {
    edges.AddRead(t, t + 1'000, counter.TicksAt(t));
  }
  EXPECT_NEAR(static_cast<double>(edges.Summary().period_ns), 1e9, 200'000);
}

class PolledSource final : public EnergySource {
 public:
  explicit PolledSource(SimulatedClock& clock)
      : clock_(clock), counter_(clock.NowNs() + 300'000, 1'000'000, 10'000, 1000) {
    package_.domains.resize(2);
  }
  absl::string_view backend() const override { return "msr"; }
  void StartAnew() override {}
  const PackageInfo& package() const override { return package_; }
  void Read(EnergySample& sample) override {
    sample.before_ns = clock_.NowNs();
    clock_.Advance(2'000);
    sample.after_ns = clock_.NowNs();
    sample.ticks[0] = counter_.TicksAt(sample.before_ns + 1'000);
    sample.error[1] = EIO;
  }

 private:
  SimulatedClock& clock_;
  JitteryCounter counter_;
  PackageInfo package_;
};

TEST(MeasureUpdatesTest, EachDomainHasItsOwnAndAFailedReadIsNoUpdate) {
  SimulatedClock clock;
  PolledSource source(clock);
  const std::vector<UpdateSummary> updates = MeasureUpdates(source, clock, absl::Milliseconds(200));
  ASSERT_EQ(updates.size(), 2u);
  EXPECT_NEAR(static_cast<double>(updates[0].period_ns), 1e6, 500);
  EXPECT_NEAR(static_cast<double>(updates[0].jitter_ns), 10'000, 3'000);
  EXPECT_EQ(updates[1].reads, 0u);
}

}  // namespace
}  // namespace vrapl
