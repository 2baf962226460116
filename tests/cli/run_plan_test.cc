#include "cli/run_plan.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <map>

namespace vrapl {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

TEST(RunPlanTest, EachCommandHasItsTurnOnceInEachRound) {
  const std::vector<PlannedRun> plan = PlanRuns(/*commands=*/4, /*repeats=*/10, /*warmups=*/2, /*seed=*/7);
  ASSERT_THAT(plan, SizeIs(48));
  int in_order = 0;
  for (size_t round = 0; round < 12; ++round) {
    std::vector<int> commands;
    for (size_t i = 0; i < 4; ++i) {
      const PlannedRun& run = plan[round * 4 + i];
      EXPECT_EQ(run.warmup, round < 2);
      EXPECT_EQ(run.repetition, static_cast<int>(round < 2 ? round : round - 2));
      commands.push_back(run.command);
    }
    in_order += std::is_sorted(commands.begin(), commands.end());
    EXPECT_THAT(commands, testing::UnorderedElementsAre(0, 1, 2, 3));
  }
  EXPECT_LE(in_order, 4) << "1 in 24 by chance";
}

TEST(RunPlanTest, TheSeedDecides) {
  EXPECT_EQ(PlanRuns(5, 20, 1, 42), PlanRuns(5, 20, 1, 42));
  EXPECT_NE(PlanRuns(5, 20, 1, 42), PlanRuns(5, 20, 1, 43));
  // As on every machine.
  std::vector<int> commands;
  for (const PlannedRun& run : PlanRuns(3, 2, 0, 1)) commands.push_back(run.command);
  EXPECT_THAT(commands, ElementsAre(0, 2, 1, 1, 2, 0));
}

TEST(RunPlanTest, NoOrderIsPreferred) {
  std::map<std::vector<int>, int> orders;
  for (uint32_t seed = 0; seed < 6000; ++seed) {
    std::vector<int> order;
    for (const PlannedRun& run : PlanRuns(3, 1, 0, seed)) order.push_back(run.command);
    ++orders[order];
  }
  ASSERT_THAT(orders, SizeIs(6));
  for (const auto& [order, times] : orders) EXPECT_NEAR(times, 1000, 150);
}

TEST(RunPlanTest, NothingIsPlannedForNothing) { EXPECT_THAT(PlanRuns(2, 0, 0, 1), IsEmpty()); }

}  // namespace
}  // namespace vrapl
