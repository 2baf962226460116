// Laws of the sums: whatever rows are summed, no tick comes or goes.
#include "export/aggregate.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "export/vm_filter.h"
#include "tests/export/made_recording.h"

namespace vrapl {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

constexpr By kEachBy[] = {By::kPart, By::kThread, By::kVm, By::kPackage, By::kDomain};

struct Sum {
  int64_t ticks = 0;
  int64_t energy_uj = 0;
  int64_t run_ns = 0;
};
// Per model and domain.
using Sums = std::map<std::pair<std::string, std::string>, Sum>;

Sums SumsOf(const MadeRecording& made, By by) {
  Sums sums;
  for (const FlushReport& report : made.reports) {
    for (const ExportRow& row : AggregateRows(report, by).rows) {
      Sum& sum = sums[{std::string(row.model_asked), std::string(row.domain)}];
      sum.ticks += row.energy_ticks;
      sum.energy_uj += row.energy_uj;
      if (row.kind != "idle" && row.kind != "stolen") sum.run_ns += row.run_time_ns;
    }
  }
  return sums;
}

TEST(AggregateTest, TicksAndRunTimeSumToTheSameWhateverTheyAreSummedBy) {
  const MadeRecording made = MakeRecording();
  const Sums expected = SumsOf(made, By::kPart);
  ASSERT_EQ(expected.size(), AllModels().size() * 2);
  std::map<std::string, int64_t> counters;
  for (const FlushReport& report : made.reports) {
    for (const CounterReport& counter : report.models[0].counters) {
      counters[DomainName(counter.domain)] += static_cast<int64_t>(counter.energy_ticks);
    }
  }
  for (const By by : kEachBy) {
    const Sums sums = SumsOf(made, by);
    ASSERT_EQ(sums.size(), expected.size()) << ByName(by);
    for (const auto& [key, sum] : sums) {
      EXPECT_EQ(sum.ticks, counters.at(key.second)) << ByName(by) << " " << key.first;
      EXPECT_EQ(sum.run_ns, expected.at(key).run_ns) << ByName(by) << " " << key.first;
      EXPECT_NEAR(static_cast<double>(sum.energy_uj), static_cast<double>(expected.at(key).energy_uj), 20)
          << ByName(by);
    }
  }
  EXPECT_EQ(SumsOf(made, By::kVm).begin()->second.energy_uj, expected.begin()->second.energy_uj);
}

TEST(AggregateTest, MicrojoulesOfManyWindowsAreThoseOfOne) {
  // The same packages, seen through windows of 20 ms and of a second.
  const MadeRecording fine = MakeRecording(20 * kMs, {Model::kCapacity});
  const MadeRecording coarse = MakeRecording(kSecond, {Model::kCapacity});
  ASSERT_GT(fine.reports.size(), 10 * coarse.reports.size());
  for (const By by : {By::kPackage, By::kDomain}) {
    const Sums of_fine = SumsOf(fine, by);
    for (const auto& [key, sum] : SumsOf(coarse, by)) {
      EXPECT_EQ(of_fine.at(key).ticks, sum.ticks);
      EXPECT_EQ(of_fine.at(key).energy_uj, sum.energy_uj);
    }
  }
}

TEST(AggregateTest, AVmIsItsPartsAndKeepsItsName) {
  const MadeRecording made = MakeRecording();
  const FlushReport& report = made.reports[3];
  const Aggregate parts = AggregateRows(report, By::kPart);
  const Aggregate vms = AggregateRows(report, By::kVm);
  const auto unclaimed =
      std::count_if(parts.rows.begin(), parts.rows.end(), [](const ExportRow& row) { return row.kind == "unclaimed"; });
  EXPECT_EQ(parts.rows.size(), report.models[0].rows.size() * report.models.size() + static_cast<size_t>(unclaimed));
  EXPECT_LT(vms.rows.size(), parts.rows.size());
  int found = 0;
  for (const ExportRow& vm : vms.rows) {
    if (vm.kind != "vm") {
      EXPECT_EQ(vm.vm_pid, std::nullopt);
      continue;
    }
    ++found;
    EXPECT_THAT(vm.part, IsEmpty());
    Sum sum;
    int64_t solo_ns = 0;
    for (const ExportRow& part : parts.rows) {
      if (std::tie(part.vm_id, part.package, part.domain, part.model_asked) !=
          std::tie(vm.vm_id, vm.package, vm.domain, vm.model_asked)) {
        continue;
      }
      sum.ticks += part.energy_ticks;
      sum.energy_uj += part.energy_uj;
      sum.run_ns += part.run_time_ns;
      solo_ns += part.solo_time_ns.value_or(0);
      EXPECT_EQ(part.vm_pid, vm.vm_pid);
    }
    EXPECT_EQ(sum.ticks, vm.energy_ticks);
    EXPECT_EQ(sum.energy_uj, vm.energy_uj);
    EXPECT_EQ(sum.run_ns, vm.run_time_ns);
    EXPECT_EQ(solo_ns, vm.solo_time_ns);
  }
  EXPECT_EQ(found, 2 * 2 * 2 * static_cast<int>(AllModels().size()));  // VMs, packages, domains, models
}

TEST(AggregateTest, AnUnknownBaseMakesTheWholeSumUnknown) {
  MadeRecording made = MakeRecording(100 * kMs, {Model::kShare});
  FlushReport report = made.reports[3];
  for (RowReport& row : report.models[0].rows) row.active_uj = 1;
  for (const ExportRow& row : AggregateRows(report, By::kVm).rows) EXPECT_TRUE(row.active_uj.has_value());
  for (const ExportRow& row : AggregateRows(report, By::kDomain).rows) EXPECT_GT(row.active_uj.value_or(0), 10);
  for (RowReport& row : report.models[0].rows) {
    if (row.kind == RowKind::kVm && row.part == "vcpu0") row.active_uj.reset();
  }
  for (const ExportRow& row : AggregateRows(report, By::kVm).rows) {
    EXPECT_EQ(row.active_uj.has_value(), row.kind != "vm") << row.kind;
  }
  for (const ExportRow& row : AggregateRows(report, By::kDomain).rows) EXPECT_FALSE(row.active_uj.has_value());
}

TEST(AggregateTest, EachThreadIsARowOfItsOwn) {
  FlushReport report;
  report.models = {{.counters = {{.energy_ticks = 7, .unit_uj = 1}}}};
  for (const uint32_t tid : {11u, 12u}) {
    RowReport row{.kind = RowKind::kVm, .vm = {.name = "web"}, .part = "vcpu0", .energy_ticks = tid - 8};
    row.thread = ThreadName{.tid = tid, .tgid = 10, .comm = "CPU 0/KVM"};
    report.models[0].rows.push_back(row);
  }
  const Aggregate threads = AggregateRows(report, By::kThread);
  ASSERT_EQ(threads.rows.size(), 2u);
  EXPECT_EQ(threads.rows[1].tid, 12);
  EXPECT_EQ(threads.rows[1].tgid, 10);
  EXPECT_EQ(threads.rows[1].comm, "CPU 0/KVM");
  const Aggregate parts = AggregateRows(report, By::kPart);
  ASSERT_EQ(parts.rows.size(), 1u);
  EXPECT_EQ(parts.rows[0].energy_ticks, 7);
  EXPECT_EQ(parts.rows[0].tid, std::nullopt);
}

// Errors of a VM are its own: what one of its parts loses another has, so theirs are not added.
TEST(AggregateTest, ErrorsAndIdleAreThoseOfWhatARowStandsFor) {
  FlushReport report;
  const VmRun web{.uuid = "w", .name = "web", .pid = 7};
  ModelReport& model = report.models.emplace_back();
  for (const int package : {0, 1}) {
    model.counters.push_back(
        {.package_id = package, .domain = {RaplDomain::kPackage}, .energy_ticks = 9, .unit_uj = 1, .err_uj = 50});
    for (const char* part : {"vcpu0", "io"}) {
      model.rows.push_back({.kind = RowKind::kVm,
                            .vm = web,
                            .part = part,
                            .package_id = package,
                            .domain = {RaplDomain::kPackage},
                            .energy_uj = 3,
                            .err_uj = 20});
    }
    model.rows.push_back(
        {.kind = RowKind::kIdle, .package_id = package, .domain = {RaplDomain::kPackage}, .err_uj = 30});
    model.vm_counters.push_back(
        {.vm = web, .package_id = package, .domain = {RaplDomain::kPackage}, .err_uj = 25 + package, .idle_uj = 11});
  }
  for (const ExportRow& row : AggregateRows(report, By::kPart).rows) {
    EXPECT_EQ(row.err_uj, row.kind == "vm" ? 20 : 30);
    EXPECT_EQ(row.idle_uj, std::nullopt);
  }
  for (const ExportRow& row : AggregateRows(report, By::kVm).rows) {
    EXPECT_EQ(row.err_uj, row.kind == "vm" ? 25 + *row.package : 30);
    EXPECT_EQ(row.idle_uj, row.kind == "vm" ? std::optional<int64_t>(11) : std::nullopt);
    if (row.kind == "vm") {
      EXPECT_EQ(row.energy_uj, 6) << "idle is beside it";
    }
  }
  for (const ExportRow& row : AggregateRows(report, By::kPackage).rows) EXPECT_EQ(row.err_uj, 50);
  ASSERT_EQ(AggregateRows(report, By::kDomain).rows.size(), 1u);
  EXPECT_EQ(AggregateRows(report, By::kDomain).rows[0].err_uj, 100);
  model.counters[1].err_uj.reset();
  model.vm_counters[1].err_uj.reset();
  EXPECT_EQ(AggregateRows(report, By::kDomain).rows[0].err_uj, std::nullopt);
  for (const ExportRow& row : AggregateRows(report, By::kVm).rows) {
    if (row.kind == "vm") {
      EXPECT_EQ(row.err_uj.has_value(), row.package == 0);
    }
  }
}

TEST(AggregateTest, TicksOfDifferentSizesAreNotAdded) {
  FlushReport report;
  report.models = {{.counters = {{.package_id = 0, .energy_ticks = 7, .unit_uj = 61},
                                 {.package_id = 1, .energy_ticks = 5, .unit_uj = 15}}}};
  EXPECT_EQ(AggregateRows(report, By::kDomain).rows.size(), 2u);
  report.models[0].counters[1].unit_uj = 61;
  const Aggregate same = AggregateRows(report, By::kDomain);
  ASSERT_EQ(same.rows.size(), 1u);
  EXPECT_EQ(same.rows[0].energy_ticks, 12);
  EXPECT_EQ(same.rows[0].package, std::nullopt);
}

TEST(VmFilterTest, AVmIsAskedForByNameOrUuidAndMissedByName) {
  VmFilter filter({"web", "u-2"});
  EXPECT_TRUE(filter.Wants("u-1", "web"));
  EXPECT_FALSE(filter.Wants("u-3", "dbase"));
  EXPECT_FALSE(filter.Wants("", ""));
  EXPECT_THAT(filter.AllFound(), StatusIs(absl::StatusCode::kNotFound, HasSubstr("u-2")));
  EXPECT_TRUE(filter.Wants("u-2", "cache"));
  EXPECT_THAT(filter.AllFound(), IsOk());
  VmFilter misspelt({"wbe"});
  misspelt.Wants("u-1", "web");
  EXPECT_THAT(misspelt.AllFound(), StatusIs(absl::StatusCode::kNotFound, HasSubstr("did you mean web?")));
  EXPECT_TRUE(VmFilter({}).Wants("", ""));
}

}  // namespace
}  // namespace vrapl
