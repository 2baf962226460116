#include "sampler/sampling_loop.h"

#include <gmock/gmock.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <new>
#include <random>

#include "tests/sampler/made_package.h"

namespace {
std::atomic<uint64_t> allocations = 0;
}  // namespace

// Counts what anybody in this program allocates. Not inlined: GCC would take free() for the mate of the standard new.
[[gnu::noinline]] void* operator new(size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  void* memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) std::abort();
  return memory;
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace vrapl {
namespace {

using testing::Each;
using testing::ElementsAre;

struct Taken {
  SampleHeader header;
  std::vector<uint64_t> ticks;
  std::vector<int32_t> errors;
  int64_t thread_ns = 0;
};

std::vector<Taken> Drain(SamplingLoop& loop) {
  std::vector<Taken> all;
  while (loop.ring().Pop([&](const Sample& sample) {
    Taken taken{.header = sample.header,
                .ticks = {sample.ticks.begin(), sample.ticks.end()},
                .errors = {sample.errors.begin(), sample.errors.end()}};
    for (const ThreadRun& thread : sample.threads) taken.thread_ns += thread.run_ns;
    all.push_back(std::move(taken));
  })) {
  }
  return all;
}

class SamplingLoopTest : public testing::Test {
 protected:
  SimulatedClock clock_;
  MadePackage package_{clock_, {.read_cost_ns = 2'000}};
};

TEST_F(SamplingLoopTest, ASampleIsForTheMiddleOfTheEnergyRead) {
  SamplingLoop loop(package_, package_, clock_, {});
  const int64_t begin_ns = clock_.NowNs();
  loop.Start();
  EXPECT_EQ(loop.start_ns(), begin_ns + 1'000);
  loop.Step();
  package_.SetReadCost(10'000);
  loop.Step();
  const std::vector<Taken> samples = Drain(loop);
  ASSERT_EQ(samples.size(), 2u);
  EXPECT_EQ(samples[0].header.t_ns, loop.start_ns() + kNanosPerMilli + 1'000);
  EXPECT_EQ(samples[0].header.skew_ns, 2'000);
  EXPECT_EQ(samples[1].header.t_ns, loop.start_ns() + 2 * kNanosPerMilli + 5'000);
  EXPECT_EQ(samples[1].header.skew_ns, 10'000);
  EXPECT_EQ(samples[1].header.dt_ns, samples[1].header.t_ns - samples[0].header.t_ns);
}

TEST_F(SamplingLoopTest, ALateSampleDoesNotShiftTheGrid) {
  SamplingLoop loop(package_, package_, clock_, {});
  loop.Start();
  int sleeps = 0;
  clock_.OnSleep([&](int64_t) {
    if (++sleeps == 5) clock_.Advance(400'000);
  });
  for (int i = 0; i < 10; ++i) loop.Step();
  const std::vector<Taken> samples = Drain(loop);
  ASSERT_EQ(samples.size(), 10u);
  for (int64_t i = 0; i < 10; ++i) {
    const int64_t late_ns = i == 4 ? 400'000 : 0;
    EXPECT_EQ(samples[static_cast<size_t>(i)].header.late_ns, late_ns);
    EXPECT_EQ(samples[static_cast<size_t>(i)].header.t_ns,
              loop.start_ns() + (i + 1) * kNanosPerMilli + late_ns + 1'000);
  }
  EXPECT_EQ(loop.lateness().missed, 0u);
  EXPECT_EQ(loop.lateness().late, 0u) << "not more than half a period";
}

TEST_F(SamplingLoopTest, DeadlinesThatPassedAreMissedNotMadeUpFor) {
  SamplingLoop loop(package_, package_, clock_, {});
  loop.Start();
  int sleeps = 0;
  clock_.OnSleep([&](int64_t) {
    if (++sleeps == 3) clock_.Advance(3'400'000);
  });
  for (int i = 0; i < 5; ++i) loop.Step();
  std::vector<int64_t> at_us;
  for (const Taken& taken : Drain(loop)) at_us.push_back((taken.header.t_ns - loop.start_ns() - 1'000) / 1000);
  EXPECT_THAT(at_us, ElementsAre(1000, 2000, 6400, 7000, 8000));
  EXPECT_EQ(loop.lateness().samples, 5u);
  EXPECT_EQ(loop.lateness().missed, 3u);
  EXPECT_EQ(loop.lateness().late, 1u);
}

TEST_F(SamplingLoopTest, SamplesAndMissedAreTheTicksThatPassed) {
  for (uint32_t seed = 0; seed < 10; ++seed) {
    std::mt19937 random(seed);
    SimulatedClock clock;
    MadePackage package(clock, {});
    const int64_t period_ns = 100'000 + static_cast<int64_t>(random() % 2'000'000);
    SamplingLoop loop(package, package, clock, {.period_ns = period_ns});
    loop.Start();
    int64_t woke_ns = 0;
    clock.OnSleep([&](int64_t) {
      const uint32_t what = random() % 100;
      clock.Advance(what == 0   ? static_cast<int64_t>(random() % 50'000'000)
                    : what < 10 ? random() % 300'000
                                : random() % 5'000);
      woke_ns = clock.NowNs();
    });
    uint64_t in_ring = 0;
    for (int i = 0; i < 5000; ++i) {
      loop.Step();
      in_ring += Drain(loop).size();
      const LatenessSummary lateness = loop.lateness();
      ASSERT_EQ(lateness.samples + lateness.missed, static_cast<uint64_t>((woke_ns - loop.start_ns()) / period_ns));
    }
    EXPECT_EQ(in_ring, 5000u);
    EXPECT_GT(loop.lateness().missed, 10u);
  }
}

TEST_F(SamplingLoopTest, AFailedReadIsAnErrorAndNoZero) {
  SamplingLoop loop(package_, package_, clock_, {});
  loop.Start();
  for (int i = 0; i < 10; ++i) {
    package_.SetError(1, i >= 3 && i < 6 ? EIO : 0);
    loop.Step();
  }
  const std::vector<Taken> samples = Drain(loop);
  ASSERT_EQ(samples.size(), 10u);
  for (size_t i = 0; i < 10; ++i) {
    const bool failed = i >= 3 && i < 6;
    EXPECT_THAT(samples[i].errors, ElementsAre(0, failed ? EIO : 0)) << i;
    EXPECT_GT(samples[i].ticks[0], i > 0 ? samples[i - 1].ticks[0] : 0);
    if (failed) {
      EXPECT_EQ(samples[i].ticks[1], samples[2].ticks[1]) << "the last good one";
    }
  }
  EXPECT_EQ(samples[9].ticks[1], package_.ticks(1)) << "what failed to be read is not lost";
  EXPECT_EQ(loop.read_errors(), 3u);
}

TEST_F(SamplingLoopTest, AnUnknownTimeIsToldEvenIfItsSampleFoundNoRoom) {
  SamplingLoop loop(package_, package_, clock_, {.ring_words = 1});
  loop.Start();
  while (loop.dropped() == 0) loop.Step();
  clock_.Suspend(5 * kNanosPerSecond);
  loop.Step();
  ASSERT_EQ(loop.dropped(), 2u);
  Drain(loop);
  loop.Step();
  loop.Step();
  const std::vector<Taken> samples = Drain(loop);
  ASSERT_EQ(samples.size(), 2u);
  EXPECT_THAT(samples[0].errors, Each(EOVERFLOW));
  EXPECT_EQ(samples[0].header.suspended_ns, 5 * kNanosPerSecond);
  EXPECT_THAT(samples[1].errors, Each(0));
  EXPECT_EQ(samples[1].header.suspended_ns, 0);
}

TEST_F(SamplingLoopTest, AnUnknownTimeIsToldAfterAFailedReadToo) {
  SamplingLoop loop(package_, package_, clock_, {.ring_words = 1});
  loop.Start();
  while (loop.dropped() == 0) loop.Step();
  package_.StartAnew();
  loop.Step();
  ASSERT_EQ(loop.dropped(), 2u);
  Drain(loop);
  package_.SetError(1, EIO);
  loop.Step();
  package_.SetError(1, 0);
  loop.Step();
  loop.Step();
  const std::vector<Taken> samples = Drain(loop);
  ASSERT_EQ(samples.size(), 3u);
  EXPECT_THAT(samples[0].errors, ElementsAre(EOVERFLOW, EIO));
  EXPECT_THAT(samples[1].errors, ElementsAre(0, EOVERFLOW));
  EXPECT_THAT(samples[2].errors, Each(0));
}

TEST_F(SamplingLoopTest, AFullRingMergesWindowsAndLosesNoEnergyOrTime) {
  package_.SetThreads({{.tid = 10, .tgid = 10}, {.tid = 11, .tgid = 10}, {.tid = 12, .tgid = 12}});
  SamplingLoop loop(package_, package_, clock_, {.ring_words = 1});  // the least there is: some 30 samples
  loop.Start();
  int64_t dt_ns = 0;
  CpuTime time;
  int64_t thread_ns = 0;
  uint64_t last_ticks = loop.start_ticks()[0];
  uint64_t ticks = 0;
  uint64_t samples = 0;
  bool merged = false;
  const auto drain = [&] {
    for (const Taken& taken : Drain(loop)) {
      EXPECT_EQ(taken.header.time.total_ns(), 2 * taken.header.dt_ns);
      EXPECT_EQ(taken.header.time.run_ns, taken.thread_ns);
      merged = merged || taken.header.dt_ns > 50 * kNanosPerMilli;
      dt_ns += taken.header.dt_ns;
      time += taken.header.time;
      thread_ns += taken.thread_ns;
      ticks += taken.ticks[0] - std::exchange(last_ticks, taken.ticks[0]);
      ++samples;
    }
  };
  for (int i = 0; i < 1000; ++i) {
    loop.Step();
    if (i % 200 == 199) drain();
  }
  loop.Step();  // what was merged comes out with the next sample there is room for
  drain();
  EXPECT_TRUE(merged);
  EXPECT_GT(loop.dropped(), 500u);
  EXPECT_EQ(samples + loop.dropped(), 1001u);
  EXPECT_EQ(dt_ns, 1001 * kNanosPerMilli + 1'000);
  EXPECT_EQ(time.run_ns, package_.truth().time.run_ns);
  EXPECT_EQ(time.idle_ns, package_.truth().time.idle_ns);
  EXPECT_EQ(time.stolen_ns, package_.truth().time.stolen_ns);
  EXPECT_EQ(time.unreported_ns, package_.truth().time.unreported_ns);
  EXPECT_EQ(thread_ns, time.run_ns);
  EXPECT_EQ(ticks, package_.ticks(0));
}

TEST_F(SamplingLoopTest, ALongPeriodIsLookedThroughSoThatNoSwitchIsOverwritten) {
  package_.SetThreads({{.tid = 10, .tgid = 10}, {.tid = 11, .tgid = 10}});
  package_.SetLongestPause(10 * kNanosPerMilli);
  SamplingLoop loop(package_, package_, clock_, {.period_ns = kNanosPerSecond});
  loop.Start();
  for (int i = 0; i < 5; ++i) loop.Step();
  const std::vector<Taken> samples = Drain(loop);
  ASSERT_EQ(samples.size(), 5u);
  int64_t run_ns = 0;
  for (size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(samples[i].header.t_ns, loop.start_ns() + static_cast<int64_t>(i + 1) * kNanosPerSecond + 1'000);
    EXPECT_EQ(samples[i].header.time.total_ns(), 2 * samples[i].header.dt_ns);
    run_ns += samples[i].thread_ns;
  }
  EXPECT_EQ(run_ns, package_.truth().time.run_ns);
  EXPECT_LE(package_.longest_pause_seen_ns(), 10 * kNanosPerMilli + 2'000);
  EXPECT_EQ(loop.lateness().samples, 5u);

  // Nobody waits for the end of a second to be told to stop.
  std::atomic<bool> stop = false;
  const int64_t asked_ns = clock_.NowNs() + 300 * kNanosPerMilli;
  clock_.OnSleep([&](int64_t now_ns) { stop = now_ns >= asked_ns; });
  loop.Run(stop);
  EXPECT_LE(clock_.NowNs(), asked_ns + 11 * kNanosPerMilli);
  EXPECT_EQ(Drain(loop).back().header.time.total_ns(),
            package_.truth().time.total_ns() - 2 * 5 * kNanosPerSecond - 2'000);
}

TEST_F(SamplingLoopTest, TheLatestWakeOfAWindowIsNotForgottenWithASampleThatFoundNoRoom) {
  SamplingLoop loop(package_, package_, clock_, {.ring_words = 1});
  loop.Start();
  while (loop.dropped() == 0) loop.Step();
  int sleeps = 0;
  clock_.OnSleep([&](int64_t) {
    if (++sleeps == 1) clock_.Advance(7'300'000);
  });
  loop.Step();
  ASSERT_EQ(loop.dropped(), 2u);
  Drain(loop);
  loop.Step();
  loop.Step();
  const std::vector<Taken> samples = Drain(loop);
  ASSERT_EQ(samples.size(), 2u);
  EXPECT_EQ(samples[0].header.late_ns, 7'300'000);
  EXPECT_EQ(samples[1].header.late_ns, 0);
}

TEST_F(SamplingLoopTest, RunEndsWithASampleOfWhatIsLeft) {
  SamplingLoop loop(package_, package_, clock_, {});
  loop.Start();
  std::atomic<bool> stop = false;
  int sleeps = 0;
  clock_.OnSleep([&](int64_t) {
    if (++sleeps == 20) stop = true;
  });
  loop.Run(stop);
  const std::vector<Taken> samples = Drain(loop);
  ASSERT_EQ(samples.size(), 21u);
  EXPECT_EQ(samples.back().ticks[0], package_.ticks(0));
  EXPECT_EQ(samples.back().header.time.total_ns(), 2 * samples.back().header.dt_ns);
  EXPECT_EQ(loop.lateness().samples, 20u) << "the last was asked for by nobody's deadline";
}

TEST_F(SamplingLoopTest, AllocatesNothingOnceItRuns) {
  std::vector<ThreadRun> many;
  for (uint32_t tid = 1; tid <= 3000; ++tid) many.push_back({.tid = tid, .tgid = 1});
  package_.SetPlan([&](int64_t from_ns, int64_t to_ns, RunTimeWindow& window) {
    // Every thread runs now and then, all of them at times; nothing here allocates.
    const int64_t whole = 2 * (to_ns - from_ns);
    int64_t left = whole;
    for (size_t i = 0; i < many.size() && left > 0; ++i) {
      if ((i + static_cast<size_t>(to_ns / 1000)) % 7 != 0) continue;
      const int64_t ns = std::min<int64_t>(left, 500);
      window.AddThread({.tid = many[i].tid, .tgid = 1, .run_ns = ns});
      left -= ns;
    }
    window.AddIdle(left);
  });
  SamplingLoop loop(package_, package_, clock_, {.ring_words = 1 << 16});
  loop.Start();
  loop.Step();
  const uint64_t before = allocations;
  for (int i = 0; i < 200; ++i) {
    package_.SetError(0, i % 10 == 0 ? EIO : 0);
    clock_.Advance(i % 20 == 0 ? 5'000'000 : 0);
    loop.Step();
    if (i % 50 == 0) {
      while (loop.ring().Pop([](const Sample&) {})) {
      }
    }
  }
  EXPECT_EQ(allocations - before, 0u);
  EXPECT_GT(loop.dropped(), 0u) << "the full ring, too, was on the way";
  EXPECT_GT(loop.read_errors(), 0u);
  EXPECT_GT(loop.lateness().missed, 0u);
}

}  // namespace
}  // namespace vrapl
