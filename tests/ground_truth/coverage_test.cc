#include "ground_truth/coverage.h"

#include <gmock/gmock.h>

namespace vrapl {
namespace {

TEST(CoverageScoreTest, MissesCostMoreThanWidth) {
  CoverageScore narrow, right, wide;
  for (int i = 0; i < 10; ++i) {
    const double off_uj = i - 4.5;
    narrow.Add(100 + off_uj, 1, 100);
    right.Add(100 + off_uj, 4.5, 100);
    wide.Add(100 + off_uj, 20, 100);
  }
  EXPECT_EQ(right.covered, 10);
  EXPECT_EQ(narrow.covered, 2);
  EXPECT_LT(right.score_uj, narrow.score_uj);
  EXPECT_LT(right.score_uj, wide.score_uj);
}

TEST(CoverageTest, IntervalsHoldTheTruthOfTheMeasurement) {
  CoverageResult all{.host = std::vector<CoverageScore>(4), .vms = std::vector<CoverageScore>(4)};
  for (const Scenario& scenario : Scenarios()) {
    if (scenario.name == "vms-1000") continue;  // takes long, and is as vms-100
    for (const uint64_t seed : {1, 1009}) {
      const CoverageResult one = MeasureCoverage(PlanHost(scenario.name, seed), seed, {.scored_ns = 8'000'000'000});
      for (size_t w = 0; w < all.host.size(); ++w) {
        all.host[w].Add(one.host[w]);
        all.vms[w].Add(one.vms[w]);
      }
    }
  }
  for (size_t w = 0; w < all.host.size(); ++w) {
    EXPECT_GE(all.host[w].coverage(), 0.95) << all.host[w].window_samples << " ms";
    EXPECT_GE(all.vms[w].coverage(), 0.95) << all.vms[w].window_samples << " ms";
  }
  // An interval that is too wide covers as well; it must be no wider than it has to be.
  EXPECT_LT(all.host[1].width_uj / 2, 0.11 * all.host[1].energy_uj);
  EXPECT_LT(all.host[3].width_uj / 2, 0.0006 * all.host[3].energy_uj);
  EXPECT_LT(all.vms[3].width_uj / 2, 0.05 * all.vms[3].energy_uj);
}

}  // namespace
}  // namespace vrapl
