#include "ground_truth/synthetic_host.h"

#include <gmock/gmock.h>

#include <cmath>

#include "ground_truth/scenarios.h"

namespace vrapl {
namespace {

std::unique_ptr<SyntheticHost> StartFirst(absl::string_view scenario, uint64_t seed) {
  return std::move(Start(PlanHost(scenario, seed), seed).front());
}

TEST(SyntheticHostTest, TheSameSeedIsTheSameHostAndAnotherIsNot) {
  const auto one = StartFirst("vms-10", 5);
  const auto same = StartFirst("vms-10", 5);
  const auto other = StartFirst("vms-10", 6);
  bool differs = false;
  for (int i = 0; i < 2000; ++i) {
    one->Next();
    same->Next();
    other->Next();
    ASSERT_EQ(one->seen().t_ns, same->seen().t_ns);
    ASSERT_EQ(one->seen().ticks, same->seen().ticks);
    ASSERT_EQ(one->truth().row_uj, same->truth().row_uj);
    differs = differs || one->truth().row_uj != other->truth().row_uj;
  }
  EXPECT_TRUE(differs);
}

TEST(SyntheticHostTest, TruthSumsToTheCounterToTheQuantum) {
  for (const char* scenario : {"bursts", "smt-sharing", "never-idle"}) {
    const auto host = StartFirst(scenario, 11);
    const double unit_uj = CounterTraits().unit_uj;
    double total_uj = 0;
    for (int i = 0; i < 5000; ++i) {
      host->Next();
      const TrueSample& truth = host->truth();
      double rows_uj = truth.floor_uj;
      for (const double uj : truth.row_uj) rows_uj += uj;
      ASSERT_NEAR(rows_uj, truth.host_uj, 1e-6 * truth.host_uj);
      total_uj += truth.host_uj;
      // The counter holds what had been used at its last update, less what makes no whole quantum yet.
      const double counted_uj = static_cast<double>(host->seen().ticks) * unit_uj;
      ASSERT_LE(counted_uj, truth.counted_uj);
      ASSERT_GT(counted_uj, truth.counted_uj - unit_uj - 1e-6);
      // And what was used since that update is what is missing from it: no more than 500 W for that time.
      const double since_us = static_cast<double>(host->seen().t_ns - truth.update_ns) * 1e-3;
      ASSERT_LE(total_uj - truth.counted_uj, 500 * std::max(since_us, 0.0) + 1);
      ASSERT_GE(total_uj - truth.counted_uj, 500 * std::min(since_us, 0.0) - 1);
    }
    EXPECT_GT(total_uj, 5e6);
  }
}

TEST(SyntheticHostTest, TimeClosesToTheNanosecond) {
  const auto host = StartFirst("smt-sharing", 2);
  int64_t last_ns = 0;
  for (int i = 0; i < 5000; ++i) {
    host->Next();
    const SeenSample& seen = host->seen();
    EXPECT_EQ(seen.t_ns - last_ns, seen.dt_ns);
    last_ns = seen.t_ns;
    int64_t busy_ns = 0;
    for (const RowUse& use : seen.rows) {
      EXPECT_EQ(use.solo_ns + use.shared_ns, use.run_ns);
      busy_ns += use.run_ns;
    }
    ASSERT_EQ(busy_ns + seen.idle_ns, seen.dt_ns * seen.cpus);
    ASSERT_GE(seen.idle_ns, 0);
  }
}

TEST(SyntheticHostTest, BlindReadsSeeEmptyAndDoubleSamples) {
  const auto host = StartFirst("never-idle", 4);
  uint64_t last_ticks = 0;
  uint64_t longest = 0;
  int empty = 0;
  double last_update_ns = 0;
  for (int i = 0; i < 20000; ++i) {
    host->Next();
    const uint64_t moved = host->seen().ticks - last_ticks;
    last_ticks = host->seen().ticks;
    empty += moved == 0 ? 1 : 0;
    longest = std::max(longest, moved);
    last_update_ns = static_cast<double>(host->truth().update_ns);
  }
  EXPECT_GT(empty, 0);
  EXPECT_LT(empty, 4000);
  // Samples of late reads apart, none holds more than a few updates.
  EXPECT_GT(static_cast<double>(longest), 1.5 * static_cast<double>(last_ticks) / 20000);
  EXPECT_NEAR(last_update_ns, static_cast<double>(host->seen().t_ns), 2.5e6);
}

TEST(SyntheticHostTest, APackageWarmsUpUnderLoad) {
  const auto host = StartFirst("never-idle", 4);
  host->Next();
  const double cold_k = host->truth().temperature_k;
  for (int i = 0; i < 8000; ++i) host->Next();
  EXPECT_GT(host->truth().temperature_k, cold_k + 5);
}

}  // namespace
}  // namespace vrapl
