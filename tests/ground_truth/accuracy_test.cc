#include "ground_truth/accuracy.h"

#include <gmock/gmock.h>

#include "ground_truth/accuracy_table.h"

namespace vrapl {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

// A host that has nothing that a model does not know: power is the floor, and so many watts per busy CPU.
HostPlan LinearHost(double watts_a, double watts_b) {
  HostPlan host{.rows = {"a", "b"}, .vms = 2};
  PackagePlan package{.traits = {.cores = 4,
                                 .smt = 1,
                                 .floor_w = 20,
                                 .uncore_w = 0,
                                 .core_awake_w = 0,
                                 .frequency_steps = {1},
                                 .leak_w = 0,
                                 .core_leak_w = 0}};
  // By the clock: each half of the time, together for a quarter of it. Long, so that little is lost to update edges:
  // who starts while another one runs is charged some of what the other one used before.
  package.threads = {
      {.row = 0, .work = {.core_w = watts_a}, .demand = {.run_ns = 200e6, .sleep_ns = 200e6, .spread = 0, .cpus = {0}}},
      {.row = 1,
       .work = {.core_w = watts_b},
       .demand = {.run_ns = 200e6, .sleep_ns = 200e6, .spread = 0, .first_ns = 100e6, .cpus = {1}}}};
  host.packages.push_back(package);
  return host;
}

AccuracyOptions Options(Model model, std::vector<int> windows = {2000}) {
  return {.models = {model},
          .learn_ns = 4 * kSecond,
          .scored_ns = 12 * kSecond,
          .windows = std::move(windows),
          .calibrated = true};
}

TEST(AccuracyTest, AModelThatIsRightIsFoundRight) {
  const ModelScore score = Judge(LinearHost(5, 5), 1, Options(Model::kBaseShare)).at(0);
  EXPECT_LT(score.mean_error, 0.01);
  EXPECT_LT(score.worst_error, 0.015);
  EXPECT_LT(score.misplaced, 0.02);
  EXPECT_LT(score.split_error, 0.005);
  EXPECT_EQ(score.stood_in, 0);
}

TEST(AccuracyTest, AModelThatIsWrongIsFoundWrongByThatMuch) {
  // Each runs half of the time: 5 W truly active for both together, and a floor of 20 W charged to them.
  const ModelScore share = Judge(LinearHost(5, 5), 1, Options(Model::kShare)).at(0);
  EXPECT_NEAR(share.mean_error, 4, 0.1);
  EXPECT_NEAR(share.misplaced, 4, 0.1);
  EXPECT_LT(share.split_error, 0.01);
  // At 9 and 1 W: apart for half of the time, which the millisecond samples tell; together for a quarter of it, in
  // which each is charged 5 W. So b is charged 0.25 x 1 + 0.25 x 5 W, for 0.5 W.
  const ModelScore base_share = Judge(LinearHost(9, 1), 1, Options(Model::kBaseShare)).at(0);
  EXPECT_EQ(base_share.worst_vm, 1);
  EXPECT_NEAR(base_share.whole_worst_error, 2, 0.15);
  EXPECT_NEAR(base_share.split_error, 0.2, 0.02);
}

TEST(AccuracyTest, ShortWindowsAreHarder) {
  const std::vector<ModelScore> scores = Judge(LinearHost(5, 5), 1, Options(Model::kBaseShare, {1, 2000}));
  EXPECT_GT(scores.at(0).mean_error, 3 * scores.at(1).mean_error);
  EXPECT_NEAR(scores.at(0).whole_worst_error, scores.at(1).whole_worst_error, 0.002);
}

TEST(AccuracyTest, TheSameSeedGivesTheSameScore) {
  AccuracyOptions options = Options(Model::kBaseShare);
  options.calibrated = false;
  options.scored_ns = 2 * kSecond;
  const ModelScore one = Judge(PlanHost("bursts", 3), 3, options).at(0);
  const ModelScore same = Judge(PlanHost("bursts", 3), 3, options).at(0);
  EXPECT_EQ(one.mean_error, same.mean_error);
  EXPECT_EQ(one.misplaced, same.misplaced);
}

TEST(AccuracyTest, NobodyWinsWhereVmsAreAlwaysTogether) {
  // The split can only be by run time, which is equal, where the truth is far from equal.
  const ModelScore score = Judge(PlanHost("always-together", 1), 1, Options(Model::kBaseShare)).at(0);
  EXPECT_GT(score.split_error, 0.08);
}

TEST(AccuracyTest, WhatTheFitSaysOfItselfHolds) {
  AccuracyOptions options = Options(Model::kFit);
  options.calibrated = false;
  options.learn_ns = 30 * kSecond;
  options.scored_ns = 20 * kSecond;
  // Where it tells VMs apart, and where it cannot and by run time half of the energy is one VM's too much.
  for (const char* const scenario : {"bursts", "alternation", "always-together"}) {
    const ModelScore score = Judge(PlanHost(scenario, 2), 2, options).back();
    EXPECT_GE(score.covered, 0.9) << scenario;
    EXPECT_LT(score.half_width, 0.8) << scenario;
    EXPECT_LT(score.interval_score, 2) << scenario;
  }
}

TEST(AccuracyTest, NoModelThatHasOnePowerPerVmCanBeBetterThanIdeal) {
  AccuracyOptions options = Options(Model::kBaseShare);
  options.scored_ns = 20 * kSecond;
  // Powers that never move are told without an error; those of made hosts move.
  EXPECT_LT(Judge(LinearHost(5, 5), 1, options).back().ideal_error, 1e-6);
  const ModelScore score = Judge(PlanHost("bursts", 1), 1, options).back();
  EXPECT_GT(score.ideal_error, 0.002);
  EXPECT_LT(score.ideal_error, score.mean_error);
}

TEST(AccuracyTableTest, ShowsEachScenarioByModel) {
  std::vector<ScoredRun> runs;
  for (const uint64_t seed : {1, 2}) {
    for (const Model model : {Model::kBaseShare, Model::kShare}) {
      ScoredRun run{.scenario = "bursts", .seed = seed, .worst_vm = "vm1"};
      run.score = {.model = model,
                   .window_samples = 2000,
                   .mean_error = 0.01 * static_cast<double>(seed),
                   .worst_error = 0.05 * static_cast<double>(seed)};
      runs.push_back(run);
    }
  }
  EXPECT_THAT(AccuracyTables(runs), testing::HasSubstr("1.5 (10.0)"));  // mean of the seeds, worst of the seeds
  const std::string csv = AccuracyCsv(runs);
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 5);
  EXPECT_THAT(csv, testing::HasSubstr("bursts,2,share,2000000000,0.020000,0.100000,vm1,"));
}

}  // namespace
}  // namespace vrapl
