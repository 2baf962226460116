#include "ground_truth/scenarios.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>

namespace vrapl {
namespace {

// One scenario, sample by sample.
struct Lived {
  struct Ms {
    int64_t dt_ns = 0;
    double busy_cpus = 0;
    double floor_w = 0;
    double active_w = 0;
    std::vector<double> row_w;
    std::vector<int64_t> run_ns;
    std::vector<int64_t> shared_ns;
  };
  std::vector<std::vector<Ms>> packages;
  int vms = 0;

  double Power(int row, size_t package = 0) const {  // mean W
    double sum = 0;
    for (const Ms& ms : packages[package]) sum += ms.row_w[static_cast<size_t>(row)];
    return sum / static_cast<double>(packages[package].size());
  }
  double RunTime(int row, size_t package = 0) const {  // mean CPUs
    double sum = 0;
    for (const Ms& ms : packages[package]) sum += static_cast<double>(ms.run_ns[static_cast<size_t>(row)]) / ms.dt_ns;
    return sum / static_cast<double>(packages[package].size());
  }
  double WattsPerCpu(int row, size_t package = 0) const { return Power(row, package) / RunTime(row, package); }
};

Lived Live(absl::string_view name, int samples, uint64_t seed = 1) {
  const HostPlan made = PlanHost(name, seed);
  Lived lived{.vms = made.vms};
  for (const auto& host : Start(made, seed)) {
    std::vector<Lived::Ms>& all = lived.packages.emplace_back();
    for (int i = 0; i < samples; ++i) {
      host->Next();
      const SeenSample& seen = host->seen();
      const double us = static_cast<double>(seen.dt_ns) * 1e-3;
      Lived::Ms ms{.dt_ns = seen.dt_ns,
                   .busy_cpus = seen.cpus - static_cast<double>(seen.idle_ns) / static_cast<double>(seen.dt_ns),
                   .floor_w = host->truth().floor_uj / us,
                   .active_w = (host->truth().host_uj - host->truth().floor_uj) / us};
      for (const double uj : host->truth().row_uj) ms.row_w.push_back(uj / us);
      ms.run_ns.resize(made.rows.size());
      ms.shared_ns.resize(made.rows.size());
      for (const RowUse& use : seen.rows) {
        ms.run_ns[static_cast<size_t>(use.row)] = use.run_ns;
        ms.shared_ns[static_cast<size_t>(use.row)] = use.shared_ns;
      }
      all.push_back(std::move(ms));
    }
  }
  return lived;
}

double Share(const std::vector<Lived::Ms>& all, int row, std::vector<int64_t> Lived::Ms::*part) {
  double sum = 0, whole = 0;
  for (const Lived::Ms& ms : all) {
    sum += static_cast<double>((ms.*part)[static_cast<size_t>(row)]);
    whole += static_cast<double>(ms.run_ns[static_cast<size_t>(row)]);
  }
  return sum / whole;
}

TEST(ScenariosTest, EveryVmOfEveryScenarioRunsAndUsesEnergy) {
  for (const Scenario& scenario : Scenarios()) {
    const Lived lived = Live(scenario.name, 3000);
    EXPECT_FALSE(scenario.shows.empty());
    for (int vm = 0; vm < lived.vms; ++vm) {
      double watts = 0;
      for (size_t package = 0; package < lived.packages.size(); ++package) watts += lived.Power(vm, package);
      EXPECT_GT(watts, 0) << scenario.name << " vm" << vm;
    }
  }
}

TEST(ScenariosTest, BurstsComeOneByOneAndTogether) {
  const Lived lived = Live("bursts", 10'000);
  int none = 0, both = 0;
  for (const Lived::Ms& ms : lived.packages[0]) {
    none += ms.run_ns[0] == 0 && ms.run_ns[1] == 0 ? 1 : 0;
    both += ms.run_ns[0] > 0 && ms.run_ns[1] > 0 ? 1 : 0;
  }
  EXPECT_GT(none, 1000);
  EXPECT_GT(both, 300);
}

TEST(ScenariosTest, AlternationIsEqualTimeAtUnequalPower) {
  const Lived lived = Live("alternation", 10'000);
  EXPECT_NEAR(lived.RunTime(0), lived.RunTime(1), 0.03 * lived.RunTime(0));
  EXPECT_GT(lived.Power(0), 1.4 * lived.Power(1));
  const auto together = std::count_if(lived.packages[0].begin(), lived.packages[0].end(), [](const Lived::Ms& ms) {
    return ms.run_ns[0] > 100'000 && ms.run_ns[1] > 100'000;
  });
  EXPECT_LT(together, 1500);
}

TEST(ScenariosTest, ANoisyNeighbourMovesPowerManyTimesTheVictims) {
  const Lived lived = Live("noisy-neighbour", 10'000);
  EXPECT_GT(lived.Power(1), 10 * lived.Power(0));
  // And changes what the same work of the victim draws.
  double quiet_uj = 0, quiet_ns = 0, noisy_uj = 0, noisy_ns = 0;
  for (const Lived::Ms& ms : lived.packages[0]) {
    const bool noisy = ms.run_ns[1] > 4 * ms.dt_ns;
    (noisy ? noisy_uj : quiet_uj) += ms.row_w[0] * static_cast<double>(ms.dt_ns);
    (noisy ? noisy_ns : quiet_ns) += static_cast<double>(ms.run_ns[0]);
  }
  EXPECT_LT(noisy_uj / noisy_ns, 0.8 * quiet_uj / quiet_ns);
}

TEST(ScenariosTest, EqualWorkDrawsLessOnSharedCores) {
  const Lived lived = Live("smt-sharing", 10'000);
  EXPECT_GT(Share(lived.packages[0], 0, &Lived::Ms::shared_ns), 0.4);
  EXPECT_LT(Share(lived.packages[0], 2, &Lived::Ms::shared_ns), 0.1);
  EXPECT_GT(lived.WattsPerCpu(2), 1.15 * lived.WattsPerCpu(0));
}

TEST(ScenariosTest, MemoryBoundVmsDrawLessWhenTheyContend) {
  const Lived lived = Live("memory-beside-compute", 10'000);
  double alone_uj = 0, alone_ns = 0, contended_uj = 0, contended_ns = 0;
  for (const Lived::Ms& ms : lived.packages[0]) {
    if (ms.run_ns[0] == 0) continue;
    const bool contended = ms.run_ns[0] + ms.run_ns[1] > 6 * ms.dt_ns;
    (contended ? contended_uj : alone_uj) += ms.row_w[0] * static_cast<double>(ms.dt_ns);
    (contended ? contended_ns : alone_ns) += static_cast<double>(ms.run_ns[0]);
  }
  ASSERT_GT(contended_ns, 0);
  EXPECT_LT(contended_uj / contended_ns, 0.8 * alone_uj / alone_ns);
  EXPECT_LT(lived.WattsPerCpu(0), lived.WattsPerCpu(3));
}

TEST(ScenariosTest, AnIdleHostIsNearlyAllFloor) {
  const Lived lived = Live("idle-floor", 5000);
  double floor = 0, active = 0, busy = 0;
  for (const Lived::Ms& ms : lived.packages[0]) {
    floor += ms.floor_w;
    active += ms.active_w;
    busy += ms.busy_cpus / 5000;
  }
  EXPECT_GT(floor, 5 * active);
  EXPECT_LT(busy, 0.8);
}

double FloorSpan(const std::vector<Lived::Ms>& all) {
  const auto [low, high] = std::minmax_element(
      all.begin(), all.end(), [](const Lived::Ms& a, const Lived::Ms& b) { return a.floor_w < b.floor_w; });
  return high->floor_w / low->floor_w;
}

TEST(ScenariosTest, ADriftingFloorDrifts) { EXPECT_GT(FloorSpan(Live("drifting-floor", 25'000).packages[0]), 1.25); }

TEST(ScenariosTest, HotAndColdPackagesDifferInTheirFloor) {
  const Lived lived = Live("hot-and-cold", 20'000);
  ASSERT_EQ(lived.packages.size(), 2u);
  double cold = 0, hot = 0;
  for (const Lived::Ms& ms : lived.packages[0]) cold += ms.floor_w;
  for (const Lived::Ms& ms : lived.packages[1]) hot += ms.floor_w;
  EXPECT_GT(hot, 1.2 * cold);
  EXPECT_GT(FloorSpan(lived.packages[1]), 1.1);
}

TEST(ScenariosTest, NeverIdleIsNeverIdle) {
  const Lived lived = Live("never-idle", 5000);
  for (size_t i = 100; i < lived.packages[0].size(); ++i) EXPECT_GT(lived.packages[0][i].busy_cpus, 7.5);
}

TEST(ScenariosTest, AlwaysTogetherIsAlwaysTogether) {
  const Lived lived = Live("always-together", 5000);
  for (const Lived::Ms& ms : lived.packages[0]) EXPECT_NEAR(ms.run_ns[0], ms.run_ns[1], 1000);
  EXPECT_GT(lived.Power(0), 1.4 * lived.Power(1));
}

TEST(ScenariosTest, HeldOutSeedsAreNoTuningSeeds) {
  for (const uint64_t held_out : kHeldOutSeeds) {
    EXPECT_EQ(std::count(std::begin(kTuningSeeds), std::end(kTuningSeeds), held_out), 0);
  }
}

TEST(ScenariosTest, ARecordingsRunTimesComeBackUnderMadePowers) {
  RecordedRunTimes recorded;
  recorded.threads = {"a", "b", "c"};
  recorded.processes = {0, 1, 1};
  for (int i = 0; i < 50; ++i) {
    recorded.windows.push_back({.dt_ns = 1'000'000, .cpus = 2, .runs = {{0, 500'000}, {1, 300'000}, {2, 100'000 + i}}});
  }
  const HostPlan made = PlanRecordedHost(recorded, 1);
  ASSERT_EQ(made.vms, 2);
  const auto host = std::move(Start(made, 1).front());
  int64_t run_ns[2] = {0, 0};
  for (int i = 0; i < 500; ++i) {
    host->Next();
    for (const RowUse& use : host->seen().rows) run_ns[use.row] += use.run_ns;
  }
  EXPECT_NEAR(static_cast<double>(run_ns[0]), 250e6, 2e6);  // the busiest process is the first row
  EXPECT_NEAR(static_cast<double>(run_ns[1]), 200e6, 2e6);
}

}  // namespace
}  // namespace vrapl
