#include "ground_truth/schedule.h"

#include <gmock/gmock.h>

#include <map>

#include "ground_truth/recorded_schedule.h"

namespace vrapl {
namespace {

constexpr int64_t kMs = 1'000'000;

// Follows switches up to an instant, with the laws that hold for any schedule.
struct Followed {
  std::map<int, int64_t> run_ns;  // by thread
  std::map<std::pair<int, int>, int64_t> on_cpu_ns;
};

Followed Follow(Schedule& schedule, int cpus, int64_t until_ns) {
  Followed found;
  std::vector<int> on(static_cast<size_t>(cpus), kNobody);
  int64_t now_ns = 0;
  const auto pass = [&](int64_t to_ns) {
    for (int cpu = 0; cpu < cpus; ++cpu) {
      const int thread = on[static_cast<size_t>(cpu)];
      if (thread == kNobody) continue;
      for (int other = cpu + 1; other < cpus && to_ns > now_ns; ++other) {
        EXPECT_NE(on[static_cast<size_t>(other)], thread) << "on two CPUs at " << now_ns;
      }
      found.run_ns[thread] += to_ns - now_ns;
      found.on_cpu_ns[{thread, cpu}] += to_ns - now_ns;
    }
    now_ns = to_ns;
  };
  for (Switch next = schedule.Next(); next.t_ns < until_ns; next = schedule.Next()) {
    EXPECT_GE(next.t_ns, now_ns);
    pass(next.t_ns);
    on[static_cast<size_t>(next.cpu)] = next.thread;
  }
  pass(until_ns);
  return found;
}

TEST(MadeScheduleTest, ThreadsGetTheCpuTimeTheyWant) {
  const std::vector<ThreadSpec> threads = {{.demand = {.run_ns = 1e6, .sleep_ns = 3e6}},
                                           {.demand = {.run_ns = 5e5, .sleep_ns = 5e5}}};
  MadeSchedule schedule(threads, 4, 2, Random(7));
  const Followed found = Follow(schedule, 4, 20'000 * kMs);
  EXPECT_NEAR(static_cast<double>(found.run_ns.at(0)) / 20e9, 0.25, 0.02);
  EXPECT_NEAR(static_cast<double>(found.run_ns.at(1)) / 20e9, 0.5, 0.02);
}

TEST(MadeScheduleTest, TooManyThreadsTakeTurnsAndKeepAllCpusBusy) {
  std::vector<ThreadSpec> threads(7, {.demand = {.run_ns = 50e6, .sleep_ns = 1}});
  MadeSchedule schedule(threads, 4, 2, Random(7));
  const Followed found = Follow(schedule, 4, 5'000 * kMs);
  int64_t all_ns = 0;
  for (const auto& [thread, ns] : found.run_ns) {
    all_ns += ns;
    EXPECT_GT(ns, 2'000 * kMs) << "thread " << thread;
  }
  EXPECT_GT(all_ns, 19'990 * kMs);
}

TEST(MadeScheduleTest, ThreadsStayOnTheirCpusAndInTheirActiveTime) {
  std::vector<ThreadSpec> threads = {
      {.demand = {.run_ns = 1e6, .sleep_ns = 1e5, .cpus = {1, 3}}},
      {.demand = {
           .run_ns = 1e9, .sleep_ns = 1e3, .spread = 0, .cycle_ns = 20 * kMs, .active_ns = 5 * kMs, .cpus = {0}}}};
  // In their way, and to take waiting threads over.
  for (int i = 0; i < 3; ++i) threads.push_back({.demand = {.run_ns = 4e5, .sleep_ns = 4e5, .cpus = {1, 2, 3}}});
  MadeSchedule schedule(threads, 4, 2, Random(3));
  const Followed found = Follow(schedule, 4, 2'000 * kMs);
  EXPECT_EQ(found.on_cpu_ns.count({0, 0}), 0u);
  EXPECT_EQ(found.on_cpu_ns.count({0, 2}), 0u);
  EXPECT_NEAR(static_cast<double>(found.run_ns.at(1)), 500e6, 1e6);
}

TEST(RecordedScheduleTest, EachWindowHasItsRunTimesToTheNanosecond) {
  const std::vector<RecordedWindow> windows = {
      {.dt_ns = kMs, .cpus = 2, .runs = {{0, 400'000}, {1, 900'000}, {2, 300'001}}},
      {.dt_ns = kMs + 77, .cpus = 2, .runs = {{1, kMs + 77}}}};
  RecordedSchedule schedule(windows, 2);
  const Followed found = Follow(schedule, 2, 2 * kMs + 77);
  EXPECT_EQ(found.run_ns.at(0), 400'000);
  EXPECT_EQ(found.run_ns.at(1), 900'000 + kMs + 77);
  EXPECT_EQ(found.run_ns.at(2), 300'001);
}

TEST(RecordedScheduleTest, AThreadThatRanLongerThanItsWindowIsCut) {
  RecordedSchedule schedule({{.dt_ns = kMs, .cpus = 2, .runs = {{0, kMs / 2}, {1, kMs + 5000}}}}, 2);
  EXPECT_EQ(Follow(schedule, 2, kMs).run_ns.at(1), kMs);
}

TEST(RecordedScheduleTest, BeginsAgainAtItsEnd) {
  RecordedSchedule schedule({{.dt_ns = kMs, .cpus = 1, .runs = {{0, 250'000}}}}, 1);
  EXPECT_EQ(Follow(schedule, 1, 8 * kMs).run_ns.at(0), 2'000'000);
}

}  // namespace
}  // namespace vrapl
