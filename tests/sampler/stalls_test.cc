#include "sampler/stalls.h"

#include <gmock/gmock.h>

namespace vrapl {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

constexpr int64_t kMs = kNanosPerMilli;

SampleHeader Woke(int64_t tick_ns, int64_t late_ns, int64_t stolen_ns) {
  return {.t_ns = tick_ns + late_ns + 1'000, .skew_ns = 2'000, .late_ns = late_ns, .time = {.stolen_ns = stolen_ns}};
}

TEST(StallsTest, AStallIsToldWithItsTickItsLengthAndItsSteal) {
  Stalls stalls(kMs);
  stalls.Add(Woke(100 * kMs, kStallNs - 1, 0));
  stalls.Add(Woke(200 * kMs, 12 * kMs, 9 * kMs));
  stalls.Add(Woke(300 * kMs, kStallNs, 0));
  const std::vector<Stall> told = stalls.TakeNew();
  ASSERT_THAT(told, SizeIs(2));
  EXPECT_EQ(told[0].t_ns, 200 * kMs);
  EXPECT_EQ(told[0].late_ns, 12 * kMs);
  EXPECT_EQ(told[0].stolen_ns, 9 * kMs);
  EXPECT_EQ(told[1].t_ns, 300 * kMs);
  EXPECT_THAT(stalls.TakeNew(), IsEmpty());
  EXPECT_EQ(stalls.summary().stalls, 2u);
  EXPECT_EQ(stalls.summary().late_ns, 17 * kMs);
  EXPECT_EQ(stalls.summary().stolen_ns, 9 * kMs);
  EXPECT_EQ(stalls.summary().longest.t_ns, 200 * kMs);
}

TEST(StallsTest, NoMoreIsStolenThanWasLate) {
  Stalls stalls(kMs);
  stalls.Add(Woke(0, 6 * kMs, 20 * kMs));  // two CPUs were taken away
  EXPECT_EQ(stalls.summary().stolen_ns, 6 * kMs);
  EXPECT_EQ(stalls.summary().missed, 6u);
  EXPECT_EQ(stalls.summary().missed_stolen, 6u);
}

TEST(StallsTest, StealExplainsTheTicksThatWouldHaveBeenMetWithoutIt) {
  struct Row {
    int64_t late_us;
    int64_t stolen_us;
    uint64_t missed;
    uint64_t of_steal;
  };
  for (const Row& row : {Row{900, 900, 0, 0}, Row{1000, 0, 1, 0}, Row{1000, 1, 1, 1}, Row{1900, 899, 1, 0},
                         Row{1900, 901, 1, 1}, Row{3400, 1000, 3, 1}, Row{3400, 300, 3, 0}, Row{3400, 3400, 3, 3}}) {
    Stalls stalls(kMs);
    stalls.Add(Woke(0, row.late_us * 1000, row.stolen_us * 1000));
    EXPECT_EQ(stalls.summary().missed, row.missed) << row.late_us;
    EXPECT_EQ(stalls.summary().missed_stolen, row.of_steal) << row.late_us << " " << row.stolen_us;
  }
}

TEST(StallsTest, WhatIsBeyondTheListIsCounted) {
  Stalls stalls(kMs);
  for (int64_t i = 0; i < 1000; ++i) stalls.Add(Woke(i * 20 * kMs, 6 * kMs, 0));
  EXPECT_THAT(stalls.TakeNew(), SizeIs(Stalls::kMostKept));
  EXPECT_EQ(stalls.summary().stalls, 1000u);
  EXPECT_EQ(stalls.summary().missed, 6000u);
}

}  // namespace
}  // namespace vrapl
