// Whether the interval that a ledger has of each row, and of rows that belong together, holds the truth of the
// measurement: what the same model charges with exact energy at the same instants.
#include <gmock/gmock.h>

#include <cmath>
#include <memory>
#include <utility>

#include "attribution/ledger.h"
#include "ground_truth/coverage.h"
#include "ground_truth/scenarios.h"

namespace vrapl {
namespace {

constexpr double kExactUnitUj = 0.1;
constexpr int kSamples = 4000;

struct Scores {
  CoverageScore rows;
  CoverageScore groups;  // of two VMs each
};

void AddWindow(Ledger& measured, Ledger& exact, const CounterGrain& grain, int vms, Scores& scores) {
  const Settlement seen = measured.Settle();
  const Settlement truth = exact.Settle();
  const auto uj = [](const Settlement& settlement, int row, double unit_uj) {
    const auto index = static_cast<size_t>(row);
    return index < settlement.rows.size() ? static_cast<double>(settlement.rows[index].ticks) * unit_uj : 0;
  };
  for (int vm = 0; vm + 1 < vms; vm += 2) {
    const std::vector<int> pair = {kFirstFreeRow + vm, kFirstFreeRow + vm + 1};
    double pair_seen_uj = 0;
    double pair_true_uj = 0;
    for (const int row : pair) {
      const double seen_uj = uj(seen, row, grain.unit_uj);
      const double true_uj = uj(truth, row, kExactUnitUj);
      pair_seen_uj += seen_uj;
      pair_true_uj += true_uj;
      if (seen_uj > 0 || true_uj > 0) {
        scores.rows.Add(seen_uj, ErrorOfTicksUj(measured.ErrorOfRow(row), grain, 0, 0), true_uj);
      }
    }
    if (pair_seen_uj > 0 || pair_true_uj > 0) {
      scores.groups.Add(pair_seen_uj, ErrorOfTicksUj(measured.ErrorOfGroup(vm / 2, pair), grain, 0, 0), pair_true_uj);
    }
  }
}

Scores Measure(const std::string& scenario, uint64_t seed, int window) {
  Scores scores;
  const HostPlan host = PlanHost(scenario, seed);
  const std::vector<std::unique_ptr<SyntheticHost>> packages = Start(host, seed);
  const CounterTraits& counter = host.packages[0].counter;
  const CounterGrain grain = {.unit_uj = counter.unit_uj,
                              .period_ns = counter.period_ns,
                              .jitter_ns = counter.jitter_ns,
                              .skew_ns = counter.skew_ns};
  Ledger measured(Model::kBaseShare);
  Ledger exact(Model::kBaseShare);
  measured.GiveBase(20e6 / grain.unit_uj);
  exact.GiveBase(20e6 / kExactUnitUj);
  uint64_t last_ticks = 0;
  double rest_uj = 0;
  std::vector<RowTime> rows;
  for (int sample = 1; sample <= kSamples; ++sample) {
    packages[0]->Next();
    const SeenSample& seen = packages[0]->seen();
    rows.clear();
    for (const RowUse& use : seen.rows) {
      const int group = use.row < host.vms ? use.row / 2 : -1;
      rows.push_back({.row = kFirstFreeRow + use.row, .run_ns = use.run_ns, .group = group});
    }
    const TimeWindow time{.dt_ns = seen.dt_ns, .cpus = seen.cpus, .rows = rows};
    measured.Add(time, seen.ticks - std::exchange(last_ticks, seen.ticks));
    rest_uj += packages[0]->truth().host_uj;
    const auto ticks = static_cast<uint64_t>(rest_uj / kExactUnitUj);
    rest_uj -= static_cast<double>(ticks) * kExactUnitUj;
    exact.Add(time, ticks);
    if (sample % window == 0) AddWindow(measured, exact, grain, host.vms, scores);
  }
  return scores;
}

TEST(RowCoverageTest, IntervalsOfALedgersRowsHoldTheTruthOfTheMeasurement) {
  for (const int window : {10, 100}) {
    Scores all;
    for (const char* scenario : {"bursts", "alternation", "noisy-neighbour", "vms-10", "vms-100"}) {
      for (const uint64_t seed : {1, 2}) {
        const Scores one = Measure(scenario, seed, window);
        all.rows.Add(one.rows);
        all.groups.Add(one.groups);
      }
    }
    EXPECT_GT(all.rows.intervals, 1000);
    EXPECT_GE(all.rows.coverage(), 0.95) << window;
    EXPECT_GE(all.groups.coverage(), 0.95) << window;
    // Too wide an interval covers as well.
    const double wide = window == 10 ? 0.6 : 0.15;
    EXPECT_LT(all.rows.width_uj / 2, wide * all.rows.energy_uj) << window;
    EXPECT_LT(all.groups.width_uj, all.rows.width_uj) << "two together are surer than each";
    std::printf("%d ms: rows %.2f %%, +-%.2f %%; pairs %.2f %%, +-%.2f %%\n", window, 100 * all.rows.coverage(),
                50 * all.rows.width_uj / all.rows.energy_uj, 100 * all.groups.coverage(),
                50 * all.groups.width_uj / all.groups.energy_uj);
  }
}

}  // namespace
}  // namespace vrapl
