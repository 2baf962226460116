#include "report/curves.h"

#include <gmock/gmock.h>

#include <numeric>

#include "tests/report/made_run.h"

namespace vrapl {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

int64_t Sum(const std::vector<int64_t>& values) { return std::accumulate(values.begin(), values.end(), int64_t{0}); }

RunTotals TotalsOf(const MadeRun& run) {
  RunTotals totals;
  for (const FlushReport& report : run.Reports({})) totals.Add(report);
  return totals;
}

std::vector<std::string> Labels(const CurveOwners& owners) {
  std::vector<std::string> labels;
  for (const CurveOwners::Entry& entry : owners.entries()) labels.push_back(entry.label);
  return labels;
}

TEST(CurveOwnersTest, TheFloorFirstThenTheHostThenVmsByEnergy) {
  const MadeRun run({});
  const RunTotals totals = TotalsOf(run);
  const CurveOwners owners(totals, 12, {});
  EXPECT_THAT(Labels(owners),
              ElementsAre("idle", "unreported", "interrupts", "vrapl", "emulator", "kernel", "other", "web", "db"));
}

TEST(CurveOwnersTest, VmsBeyondTheMostShareOneCurve) {
  const MadeRun run({.vms = {MadeVm("web", 1000), MadeVm("db", 2000), MadeVm("asleep", 3000)}});
  const RunTotals totals = TotalsOf(run);
  const CurveOwners owners(totals, 1, {});
  EXPECT_EQ(owners.entries().back().label, "2 other VMs");
  EXPECT_EQ(owners.IndexOf({RowKind::kVm, {.uuid = "uuid-db", .name = "db", .pid = 2000, .start_time = 1}}),
            owners.entries().size() - 1);
  const CurveOwners chosen(totals, 12, {"UUID-DB"});
  EXPECT_EQ(chosen.entries()[chosen.entries().size() - 2].label, "db");
  EXPECT_THAT(CurveOwners(totals, 12, {"db", "nobody"}).unknown_vms(), ElementsAre("nobody"));
}

TEST(CurveOwnersTest, TwoStartsOfAVmAreToldApart) {
  const MadeRun run({.vms = {MadeVm("web", 1000), MadeVm("web", 2000)}});
  const RunTotals totals = TotalsOf(run);
  const std::vector<std::string> labels = Labels(CurveOwners(totals, 12, {}));
  EXPECT_THAT(labels, testing::IsSupersetOf({"web (pid 1000)", "web (pid 2000)"}));
}

// Curves are of windows of a millisecond, totals of flushes; they come from the same samples.
TEST(CurvesTest, CurvesOfAMillisecondHoldTheEnergyOfTheLedger) {
  const MadeRun run({.packages = {{.package_id = 0}, {.package_id = 1, .cpus = {2, 3, 4}, .seed = 7}}});
  const RunTotals totals = TotalsOf(run);
  const CurveOwners owners(totals, 12, {});
  Curves curves(owners, totals, 0);
  for (const FlushReport& report : run.Reports({.window_ns = kMs})) curves.Add(report);
  ASSERT_THAT(curves.groups(), SizeIs(3));
  EXPECT_EQ(curves.groups()[2].label, "package 1");
  const size_t per_group = curves.tracks_per_group();
  const std::vector<PyramidLevel> levels = curves.TakeLevels();
  for (const PyramidLevel& level : levels) {
    const auto energy = [&](size_t group, size_t track) {
      return Sum(level.tracks[group * per_group + track].energy_uj);
    };
    // The counters' own sum is exact; packages sum to all.
    EXPECT_NEAR(static_cast<double>(energy(0, per_group - 1)), static_cast<double>(totals.host_uj()), 2);
    for (size_t track = 0; track < per_group; ++track) EXPECT_EQ(energy(0, track), energy(1, track) + energy(2, track));
    for (size_t group = 0; group < 3; ++group) {
      int64_t rows = 0;
      for (size_t owner = 0; owner + 1 < per_group; ++owner) rows += energy(group, owner);
      EXPECT_NEAR(static_cast<double>(rows), static_cast<double>(energy(group, per_group - 1)),
                  40);  // rounding of rows
    }
    for (const auto& [owner, total] : totals.owners()) {
      if (owner.kind == RowKind::kStolen) continue;
      // A base that is given: to the ticks (61 uJ) that are not whole at the end.
      EXPECT_NEAR(static_cast<double>(energy(0, owners.IndexOf(owner))), static_cast<double>(total.sum.energy_uj),
                  1'000)
          << RowKindName(owner.kind) << " " << owner.vm.name;
    }
  }
}

TEST(CurvesTest, LatenessIsCountedBySamples) {
  const MadeRun run({.duration_ns = kSecond});
  const RunTotals totals = TotalsOf(run);
  const CurveOwners owners(totals, 12, {});
  Curves curves(owners, totals, 0);
  for (FlushReport report : run.Reports({.window_ns = kMs})) {
    report.samplers[0].late_max_ns = report.seq == 3 ? 5'000'000 : 20'000;
    curves.Add(report);
  }
  const Curves::Histogram& histogram = curves.lateness().at({0, 0});
  ASSERT_THAT(histogram, SizeIs(2));
  EXPECT_EQ(histogram.at(Curves::BucketBound(5'000'000)), 1u);
  EXPECT_EQ(histogram.at(Curves::BucketBound(20'000)), curves.windows() - 1);
}

TEST(CurvesTest, BucketsAreThoseOfTheSampler) {
  for (const int64_t late_ns : {0, 7, 8, 100, 12'345, 1'000'000, 123'456'789}) {
    Lateness lateness(kMs);
    for (int i = 0; i < 3; ++i) lateness.Record(late_ns);
    lateness.Record(kSecond);
    EXPECT_EQ(Curves::BucketBound(late_ns), lateness.Summary().p50_ns) << late_ns;
  }
}

}  // namespace
}  // namespace vrapl
