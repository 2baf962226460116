#include "bpf/run_time.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <random>
#include <utility>

namespace vrapl {
namespace {

switch_record Record(uint64_t clock, uint32_t switches, uint32_t tid, uint64_t stolen = 0) {
  return {.clock = clock,
          .clock_task = clock - stolen,
          .start = 0,
          .switches = switches,
          .irq = 0,
          .tid = tid,
          .tgid = tid};
}

int64_t RunOf(const RunTimeWindow& window, uint32_t tid) {
  int64_t sum = 0;
  for (const ThreadRun& thread : window.threads()) sum += thread.tid == tid ? thread.run_ns : 0;
  return sum;
}

// The tests let scheduler clock and CLOCK_MONOTONIC be the same, so that instants can be read off.
void Feed(CpuTimeline& cpu, const switch_record& record, RunTimeWindow& window) {
  cpu.OnRecord(record, static_cast<int64_t>(record.clock), window);
}

TEST(CpuTimelineTest, RunningSliceCountsUpToTheInstant) {
  RunTimeWindow window;
  CpuTimeline cpu(1000);
  Feed(cpu, Record(1000, 1, 42), window);
  cpu.AdvanceTo(1700, window);
  EXPECT_EQ(RunOf(window, 42), 700);
  window.Clear();
  cpu.AdvanceTo(2000, window);  // a thread that never leaves its CPU is counted in every window
  EXPECT_EQ(RunOf(window, 42), 300);
}

TEST(CpuTimelineTest, TimeBeforeTheFirstRecordIsUnreported) {
  RunTimeWindow window;
  CpuTimeline cpu(0);
  Feed(cpu, Record(400, 9, 0), window);
  cpu.AdvanceTo(1000, window);
  EXPECT_EQ(window.time().unreported_ns, 400);
  EXPECT_EQ(window.time().idle_ns, 600);
}

TEST(CpuTimelineTest, AStepOfTheSwitchCountMakesTheIntervalUnreported) {
  RunTimeWindow window;
  CpuTimeline cpu(0);
  Feed(cpu, Record(0, 1, 7), window);
  Feed(cpu, Record(500, 4, 8), window);  // switches 2 and 3 were hidden
  cpu.AdvanceTo(600, window);
  EXPECT_EQ(RunOf(window, 7), 0);
  EXPECT_EQ(window.time().unreported_ns, 500);
  EXPECT_EQ(RunOf(window, 8), 100);
  EXPECT_EQ(cpu.gaps(), 1u);
}

TEST(CpuTimelineTest, TheSwitchCountWrapsAt32Bits) {
  RunTimeWindow window;
  CpuTimeline cpu(0);
  Feed(cpu, Record(0, 0xFFFF'FFFF, 7), window);
  Feed(cpu, Record(500, 0, 8), window);
  EXPECT_EQ(RunOf(window, 7), 500);
  EXPECT_EQ(cpu.gaps(), 0u);
}

TEST(CpuTimelineTest, AnObservationConfirmsTheRunningSliceAndBoundsAGap) {
  RunTimeWindow window;
  CpuTimeline cpu(0);
  Feed(cpu, Record(0, 1, 7), window);
  cpu.OnObservation({.wanted = 1, .valid = 1, .clock = 900, .clock_task = 900, .switches = 1}, 900, 900, window);
  cpu.AdvanceTo(1000, window);
  // A hidden switch is seen: only what was not confirmed is in doubt.
  cpu.OnObservation({.wanted = 1, .valid = 1, .clock = 1300, .clock_task = 1300, .switches = 2}, 1300, 1300, window);
  cpu.AdvanceTo(2000, window);
  EXPECT_EQ(RunOf(window, 7), 1000);
  EXPECT_EQ(window.time().unreported_ns, 1000);
  Feed(cpu, Record(2100, 3, 0), window);
  cpu.AdvanceTo(2200, window);
  EXPECT_EQ(window.time().unreported_ns, 1100);
  EXPECT_EQ(window.time().idle_ns, 100);
  EXPECT_EQ(cpu.gaps(), 1u);
}

TEST(CpuTimelineTest, AnObservationMayRunAheadOfItsRecord) {
  RunTimeWindow window;
  CpuTimeline cpu(0);
  Feed(cpu, Record(0, 1, 7), window);
  cpu.OnObservation({.wanted = 1, .valid = 1, .clock = 1000, .clock_task = 1000, .switches = 2}, 1000, 1000, window);
  Feed(cpu, Record(1000, 2, 8), window);  // the very switch the observation had seen coming
  cpu.AdvanceTo(1500, window);
  EXPECT_EQ(RunOf(window, 8), 500);
}

TEST(CpuTimelineTest, AnObservationOfTheNextWindowIsNoGap) {
  RunTimeWindow window;
  CpuTimeline cpu(0);
  Feed(cpu, Record(0, 1, 7), window);
  // The sample is for 1000; the queue, looked at a little later, has switched at 1020. Its record comes next time.
  cpu.OnObservation({.wanted = 1, .valid = 1, .clock = 1020, .clock_task = 1020, .switches = 2}, 1020, 1000, window);
  cpu.AdvanceTo(1000, window);
  Feed(cpu, Record(1020, 2, 8), window);
  cpu.AdvanceTo(2000, window);
  EXPECT_EQ(cpu.gaps(), 0u);
  EXPECT_EQ(window.time().unreported_ns, 0);
  EXPECT_EQ(RunOf(window, 7), 1020);
}

TEST(CpuTimelineTest, StolenTimeIsARowOfItsOwn) {
  RunTimeWindow window;
  CpuTimeline cpu(0);
  Feed(cpu, Record(0, 1, 7, /*stolen=*/0), window);
  Feed(cpu, Record(1000, 2, 8, /*stolen=*/300), window);
  cpu.AdvanceTo(1100, window);
  EXPECT_EQ(RunOf(window, 7), 700);
  EXPECT_EQ(window.time().stolen_ns, 300);
  EXPECT_EQ(RunOf(window, 8), 100);
}

TEST(CpuTimelineTest, StolenTimeLearnedLateIsTakenLaterButNotLost) {
  RunTimeWindow window;
  CpuTimeline cpu(0);
  Feed(cpu, Record(0, 1, 7), window);
  cpu.AdvanceTo(1000, window);                 // settled as run time before the theft was known
  Feed(cpu, Record(1100, 2, 8, 400), window);  // only 100 ns of 7 are left to take it from
  cpu.AdvanceTo(2000, window);
  EXPECT_EQ(window.time().stolen_ns, 400);
  EXPECT_EQ(RunOf(window, 7), 1000);
  EXPECT_EQ(RunOf(window, 8), 600);
  EXPECT_EQ(cpu.late_ns(), 300) << "8 has it too little, 7 too much";
}

TEST(CpuTimelineTest, LateTimeIsCountedOnce) {
  RunTimeWindow window;
  CpuTimeline cpu(0);
  Feed(cpu, Record(0, 1, 7), window);
  cpu.AdvanceTo(1000, window);
  Feed(cpu, Record(1000, 2, 8, 400), window);   // 400 wait for somebody
  Feed(cpu, Record(1100, 3, 9, 400), window);   // 8 had 100, 300 wait on
  Feed(cpu, Record(2000, 4, 10, 450), window);  // 9 had 300, and 50 of its own
  Feed(cpu, Record(3000, 5, 11, 460), window);
  EXPECT_EQ(cpu.late_ns(), 400);
  EXPECT_EQ(RunOf(window, 9), 550);
  EXPECT_EQ(window.time().stolen_ns, 460);
}

TEST(CpuTimelineTest, ASwitchWhoseRecordComesLateIsTheThreadsBefore) {
  RunTimeWindow window;
  CpuTimeline cpu(0);
  Feed(cpu, Record(0, 1, 7), window);
  cpu.AdvanceTo(1000, window);  // 7 had gone at 980, but nobody could know
  Feed(cpu, Record(980, 2, 8), window);
  cpu.AdvanceTo(2000, window);
  EXPECT_EQ(RunOf(window, 7), 1000);
  EXPECT_EQ(RunOf(window, 8), 1000);
  EXPECT_EQ(cpu.late_ns(), 20);
}

TEST(CpuTimelineTest, UnfoundedDoubtIsLateTime) {
  RunTimeWindow window;
  CpuTimeline cpu(0);
  Feed(cpu, Record(0, 1, 7), window);
  cpu.AdvanceTo(600, window);
  // The queue counts a switch whose record is not there yet.
  cpu.OnObservation({.wanted = 1, .valid = 1, .clock = 1000, .clock_task = 1000, .switches = 2}, 1000, 1010, window);
  cpu.AdvanceTo(1500, window);  // nor now
  Feed(cpu, Record(1000, 2, 8), window);
  EXPECT_EQ(window.time().unreported_ns, 900);
  EXPECT_EQ(cpu.late_ns(), 900);
}

TEST(CpuTimelineTest, InterruptsAreToldApartFromStolenTimeWhereTheKernelDoes) {
  RunTimeWindow window;
  CpuTimeline cpu(0);
  switch_record record = Record(0, 1, 7);
  record.irq = 0xFFFF'FFF0;  // its low 32 bits wrap
  Feed(cpu, record, window);
  record = Record(1000, 2, 0, /*stolen=*/300);
  record.irq = 0xFFFF'FFF0 + 120;
  Feed(cpu, record, window);
  EXPECT_EQ(RunOf(window, 7), 700);
  EXPECT_EQ(window.time().irq_ns, 120);
  EXPECT_EQ(window.time().stolen_ns, 180);
  // Interrupts that meet an idle CPU are no idle time.
  cpu.OnObservation({.wanted = 1, .valid = 1, .clock = 2000, .clock_task = 1650, .switches = 2, .irq = record.irq + 50},
                    2000, 2000, window);
  EXPECT_EQ(window.time().irq_ns, 170);
  EXPECT_EQ(window.time().idle_ns, 950);
  EXPECT_EQ(window.time().total_ns(), 2000);
}

TEST(CpuTimelineTest, CountsTheSwitchesThatHadNoRecord) {
  RunTimeWindow window;
  CpuTimeline cpu(0);
  Feed(cpu, Record(0, 10, 7), window);
  Feed(cpu, Record(100, 11, 8), window);
  EXPECT_EQ(cpu.unreported_switches(), 0);
  Feed(cpu, Record(200, 14, 9), window);  // 12 and 13
  EXPECT_EQ(cpu.unreported_switches(), 2);
  cpu.OnObservation({.wanted = 1, .valid = 1, .clock = 300, .clock_task = 300, .switches = 15}, 300, 300, window);
  EXPECT_EQ(cpu.unreported_switches(), 3) << "as far as anybody knows yet";
  Feed(cpu, Record(300, 15, 7), window);  // its record was on the way
  EXPECT_EQ(cpu.unreported_switches(), 2);
  Feed(cpu, Record(400, 16, 8), window);
  EXPECT_EQ(cpu.unreported_switches(), 2);
}

TEST(CpuTimelineTest, ASwitchWhoseRecordWasOnTheWayIsNoGap) {
  RunTimeWindow window;
  CpuTimeline cpu(0);
  Feed(cpu, Record(0, 10, 7), window);
  cpu.OnObservation({.wanted = 1, .valid = 1, .clock = 300, .clock_task = 300, .switches = 11}, 300, 300, window);
  EXPECT_EQ(cpu.gaps(), 1u);
  Feed(cpu, Record(300, 11, 7), window);
  EXPECT_EQ(cpu.gaps(), 0u);
  cpu.OnObservation({.wanted = 1, .valid = 1, .clock = 400, .clock_task = 400, .switches = 13}, 400, 400, window);
  Feed(cpu, Record(400, 13, 7), window);  // 12 never came
  EXPECT_EQ(cpu.gaps(), 1u);
  EXPECT_EQ(cpu.unreported_switches(), 1);
}

// The kernel moves the clock of a queue first and its task clock a moment later; in between, all of an idle second
// looks stolen.
TEST(CpuTimelineTest, AQueueThatIsBeingBroughtUpToDateTellsNothing) {
  RunTimeWindow window;
  CpuTimeline cpu(0);
  Feed(cpu, Record(0, 1, 0), window);
  cpu.OnObservation({.wanted = 1, .valid = 1, .clock = 900, .clock_task = 0, .switches = 1}, 900, 1000, window);
  cpu.AdvanceTo(1000, window);
  Feed(cpu, Record(1000, 2, 7), window);
  cpu.AdvanceTo(2000, window);
  EXPECT_EQ(window.time().stolen_ns, 0);
  EXPECT_EQ(window.time().idle_ns, 1000);
  EXPECT_EQ(RunOf(window, 7), 1000);
}

// A CPU that was away, or a log that is older than the run: what was stolen then is in no window.
TEST(CpuTimelineTest, WhatWasStolenBeforeTheStartIsNotTakenFromAnybody) {
  RunTimeWindow window;
  CpuTimeline cpu(10'000);
  Feed(cpu, Record(100, 1, 7, /*stolen=*/0), window);
  Feed(cpu, Record(12'000, 2, 8, /*stolen=*/5000), window);
  Feed(cpu, Record(13'000, 3, 0, /*stolen=*/5200), window);
  EXPECT_EQ(RunOf(window, 7), 2000);
  EXPECT_EQ(RunOf(window, 8), 800);
  EXPECT_EQ(window.time().stolen_ns, 200);
}

TEST(CpuTimelineTest, AThreadWithoutSiblingsIsAlwaysAlone) {
  RunTimeWindow window;
  CpuTimeline cpu(0);
  Feed(cpu, Record(0, 1, 7, 0), window);
  Feed(cpu, Record(1000, 2, 0, 400), window);
  ASSERT_EQ(window.threads().size(), 1u);
  EXPECT_EQ(window.threads()[0].solo_ns, 600);
  EXPECT_EQ(window.threads()[0].shared_ns, 0);
}

TEST(CpuTimelineTest, ASliceIsSoloSharedOrUnknownByWhatRanBeside) {
  RunTimeWindow window;
  CpuTimeline cpu(0, /*has_siblings=*/true);
  Feed(cpu, Record(0, 1, 7), window);
  EXPECT_EQ(cpu.seen_from_beside(), Beside::kSomething);
  cpu.PassBeside(Beside::kNothing, 300);
  cpu.PassBeside(Beside::kSomething, 500);
  cpu.PassBeside(Beside::kUnknown, 200);
  Feed(cpu, Record(1000, 2, 8), window);
  cpu.PassBeside(Beside::kSomething, 100);
  Feed(cpu, Record(1100, 3, 0, /*stolen=*/40), window);
  EXPECT_EQ(cpu.seen_from_beside(), Beside::kNothing);
  ASSERT_EQ(window.threads().size(), 2u);
  EXPECT_EQ(window.threads()[0].solo_ns, 300);
  EXPECT_EQ(window.threads()[0].shared_ns, 500);
  EXPECT_EQ(window.threads()[0].run_ns, 1000);
  EXPECT_EQ(window.threads()[1].solo_ns, 0);
  EXPECT_EQ(window.threads()[1].shared_ns, 60) << "what was stolen is nobody's";
  cpu.PassBeside(Beside::kSomething, 900);
  cpu.AdvanceTo(2000, window);
  EXPECT_EQ(window.threads().size(), 2u) << "an idle CPU has no slice";
}

TEST(RunTimeWindowTest, AFullTableLosesNoTime) {
  RunTimeWindow window;
  const int64_t threads = RunTimeWindow::kMaxThreads + 100;
  for (int64_t tid = 1; tid <= threads; ++tid)
    window.AddThread({.tid = static_cast<uint32_t>(tid), .tgid = 1, .run_ns = 10});
  EXPECT_EQ(window.threads().size(), static_cast<size_t>(RunTimeWindow::kMaxThreads));
  EXPECT_EQ(window.time().unreported_ns, 100 * 10);
  EXPECT_EQ(window.time().total_ns(), threads * 10);
  window.Clear();
  EXPECT_EQ(window.time().total_ns(), 0);
  EXPECT_TRUE(window.AddThread({.tid = 1, .tgid = 1, .run_ns = 5}));
}

// One thread on two cores is there twice, and each core's time adds up to what its CPUs did.
TEST(RunTimeWindowTest, TellsCoresApart) {
  RunTimeWindow window;
  window.TellCores(2);
  CpuTimeline first(1000);
  CpuTimeline second(1000);
  CpuTimeline elsewhere(1000);  // of a core that nobody asked for
  first.SetCore(0);
  second.SetCore(1);
  const auto record = [](uint32_t tid, uint64_t clock, uint32_t switches) {
    return switch_record{
        .clock = clock, .clock_task = clock, .start = 5, .switches = switches, .irq = 0, .tid = tid, .tgid = 7};
  };
  first.OnRecord(record(42, 1100, 1), 1100, window);
  first.OnRecord(record(0, 1400, 2), 1400, window);
  second.OnRecord(record(42, 1500, 1), 1500, window);
  elsewhere.OnRecord(record(42, 1700, 1), 1700, window);
  for (CpuTimeline* cpu : {&first, &second, &elsewhere}) cpu->AdvanceTo(2000, window);
  ASSERT_EQ(window.threads().size(), 3u);
  EXPECT_EQ(window.threads()[0].core, 0);
  EXPECT_EQ(window.threads()[0].run_ns, 300);
  EXPECT_EQ(window.threads()[1].core, 1);
  EXPECT_EQ(window.threads()[1].run_ns, 500);
  EXPECT_EQ(window.threads()[2].core, kAllCores);
  ASSERT_EQ(window.cores().size(), 2u);
  EXPECT_EQ(window.cores()[0].idle_ns, 600);
  EXPECT_EQ(window.cores()[0].unreported_ns, 100) << "before its first record";
  EXPECT_EQ(window.cores()[0].total_ns(), 1000);
  EXPECT_EQ(window.cores()[1].run_ns, 500);
  EXPECT_EQ(window.cores()[1].total_ns(), 1000);
  EXPECT_EQ(window.time().total_ns(), 3000);
  window.Clear();
  EXPECT_EQ(window.cores()[1].total_ns(), 0);
}

TEST(RunTimeWindowTest, ThreadsThatGoFromCoreToCoreFindRoom) {
  RunTimeWindow window;
  window.TellCores(64);
  for (int core = 0; core < 64; ++core) {
    for (uint32_t tid = 1; tid <= 500; ++tid)
      EXPECT_TRUE(window.AddThread({.tid = tid, .tgid = 1, .run_ns = 3, .core = core}));
  }
  EXPECT_EQ(window.threads().size(), 32'000u);
  EXPECT_EQ(window.time().unreported_ns, 0);
  EXPECT_EQ(window.cores()[63].run_ns, 1500);
}

TEST(RunTimeWindowTest, AReusedTidIsANewThread) {
  RunTimeWindow window;
  window.AddThread({.tid = 100, .tgid = 1, .start_ns = 5, .run_ns = 10});
  window.AddThread({.tid = 100, .tgid = 2, .start_ns = 9, .run_ns = 20});
  window.AddThread({.tid = 100, .tgid = 1, .start_ns = 7, .run_ns = 40});  // of the same process
  window.AddThread({.tid = 100, .tgid = 1, .start_ns = 5, .run_ns = 1});
  ASSERT_EQ(window.threads().size(), 3u);
  EXPECT_EQ(window.threads()[0].run_ns, 11);
  EXPECT_EQ(window.threads()[1].run_ns, 20);
  EXPECT_EQ(window.threads()[2].run_ns, 40);
}

TEST(ClockOffsetTest, KeepsTheSmallestDelay) {
  ClockOffset offset;
  offset.AddPair(1'000'000, 5'000'900);  // 4'000'000 and a delay of 900
  offset.AddPair(2'000'000, 6'000'200);
  EXPECT_EQ(offset.ToMonotonic(2'000'000), 6'000'200);
  offset.AddPair(3'000'000, 10'000'000);  // a hook that was held up for 3 ms
  EXPECT_EQ(offset.ToMonotonic(3'000'000), 7'000'200);
}

// Steps of the estimate are errors of slices: whatever delays the pairs have, it moves as the clocks drift and no
// faster.
TEST(ClockOffsetTest, FollowsDriftAndNotDelays) {
  for (const int64_t drift_ppm : {-100, -20, 0, 20, 100}) {
    std::mt19937 random(1);
    std::uniform_int_distribution<int64_t> delay_ns(200, 5000);
    ClockOffset offset;
    int64_t last_ns = 0;
    for (int64_t ms = 1; ms < 2000; ++ms) {
      const int64_t clock = ms * 1'000'000;
      const int64_t truth = clock + ms * drift_ppm + 4'000'000;
      offset.AddPair(static_cast<uint64_t>(clock), static_cast<uint64_t>(truth + delay_ns(random)));
      const int64_t error_ns = offset.ToMonotonic(static_cast<uint64_t>(clock)) - truth;
      const int64_t step_ns = error_ns - std::exchange(last_ns, error_ns) + drift_ppm;
      if (ms < 200) continue;
      EXPECT_LT(std::abs(error_ns), 1000 + 3 * 64 * std::abs(drift_ppm)) << drift_ppm;
      EXPECT_LT(std::abs(step_ns), 2 * std::abs(drift_ppm) + 20) << drift_ppm;
    }
  }
}

TEST(ClockOffsetTest, TakesAtOnceWhatProvesItFarOff) {
  ClockOffset offset;
  for (uint64_t ms = 1; ms < 200; ++ms) offset.AddPair(ms * 1'000'000, ms * 1'000'000 + 4'000'000);
  offset.AddPair(200'000'000, 203'000'000);
  EXPECT_EQ(offset.ToMonotonic(0), 3'000'000);
}

TEST(ClockOffsetTest, RisesNoFasterThanASlewedClock) {
  ClockOffset offset;
  for (uint64_t ms = 1; ms < 100; ++ms) offset.AddPair(ms * 1'000'000, ms * 1'000'000 + 4'000'000);
  int64_t last_ns = offset.ToMonotonic(0);
  for (uint64_t ms = 100; ms < 1000; ++ms) {
    offset.AddPair(ms * 1'000'000, ms * 1'000'000 + 9'000'000);  // 5 ms on, as by a step that no clock makes
    EXPECT_LE(offset.ToMonotonic(0) - std::exchange(last_ns, offset.ToMonotonic(0)), 500);
  }
  EXPECT_GT(last_ns, 4'000'000);
}

// The law, for any schedule: closure on every window, and every thread's total is the sum of its slices.
TEST(CpuTimelineTest, AnyScheduleClosesInAnyWindows) {
  for (uint32_t seed = 0; seed < 200; ++seed) {
    std::mt19937 random(seed);
    RunTimeWindow window;
    CpuTimeline cpu(0);
    std::map<uint32_t, int64_t> truth;
    std::map<uint32_t, int64_t> measured;
    int64_t idle_truth = 0;
    int64_t idle = 0;
    uint64_t now = 0;
    uint32_t switches = seed * 0x1000'0001u;
    uint32_t current = 0;
    int64_t settled = 0;
    Feed(cpu, Record(0, switches, current), window);
    const auto close = [&](int64_t t) {
      cpu.AdvanceTo(t, window);
      ASSERT_EQ(window.time().total_ns(), t - settled);
      settled = t;
      idle += window.time().idle_ns;
      for (const ThreadRun& thread : window.threads()) measured[thread.tid] += thread.run_ns;
      window.Clear();
    };
    for (int i = 0; i < 500; ++i) {
      const uint64_t length = random() % 3000;
      (current == 0 ? idle_truth : truth[current]) += static_cast<int64_t>(length);
      now += length;
      if (random() % 4 == 0 && length > 0) close(static_cast<int64_t>(now - random() % length));
      current = random() % 6;
      Feed(cpu, Record(now, ++switches, current), window);
    }
    close(static_cast<int64_t>(now));
    for (auto& [tid, ns] : truth) EXPECT_EQ(measured[tid], ns) << "seed " << seed << " tid " << tid;
    EXPECT_EQ(idle, idle_truth);
    EXPECT_EQ(cpu.total().total_ns(), static_cast<int64_t>(now));
  }
}

}  // namespace
}  // namespace vrapl
