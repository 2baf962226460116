// Who pays for idle, in what VMs and their guests are told.
#include "sampler/idle_shares.h"

#include <gmock/gmock.h>

#include "delivery/guest_line.h"
#include "tests/sampler/made_host.h"

namespace vrapl {
namespace {

constexpr IdlePolicy kGiving[] = {IdlePolicy::kProportional, IdlePolicy::kEqual, IdlePolicy::kVcpus,
                                  IdlePolicy::kShapley};

// Two VMs on an otherwise idle host; the base is given, so nearly all of it is in the idle row.
std::vector<FlushReport> ReportsUnder(IdlePolicy policy) {
  MadeHost host({.flush = {.idle = policy, .base_power_w = {{RaplDomain::kPackage, 20}, {RaplDomain::kDram, 3}}}});
  host.SetVms({MadeVm("web", 1000), MadeVm("db", 2000)});
  host.package().SetPower(0, 30);
  host.RunFor(9 * kSecond);
  host.SetVms({MadeVm("web", 1000)});
  host.RunFor(6 * kSecond);
  host.Finish();
  return host.reports();
}

struct Told {
  int64_t idle_row_uj = 0;
  int64_t given_uj = 0;
};
Told Sum(const std::vector<FlushReport>& reports) {
  Told told;
  for (const FlushReport& report : reports) {
    for (const RowReport& row : report.models[0].rows) {
      if (row.kind == RowKind::kIdle && CountsInTotal(row.domain.domain)) told.idle_row_uj += row.energy_uj;
    }
    for (const VmReport& vm : report.vms) told.given_uj += vm.idle_uj.value_or(0);
  }
  return told;
}

TEST(IdleSharesTest, NobodyPaysUnlessAPolicySaysSo) {
  for (const FlushReport& report : ReportsUnder(IdlePolicy::kOwn)) {
    for (const VmReport& vm : report.vms) EXPECT_EQ(vm.idle_uj, std::nullopt);
  }
}

TEST(IdleSharesTest, VmsPayForAllOfItAndEnergyIsActiveAndIdle) {
  const std::vector<FlushReport> own = ReportsUnder(IdlePolicy::kOwn);
  for (const IdlePolicy policy : kGiving) {
    SCOPED_TRACE(std::string(IdlePolicyName(policy)));
    const std::vector<FlushReport> reports = ReportsUnder(policy);
    ASSERT_EQ(reports.size(), own.size());
    const Told told = Sum(reports);
    EXPECT_GT(told.given_uj, 100'000'000) << "23 W for 15 s, or most of it";
    EXPECT_LE(told.given_uj, told.idle_row_uj + 100);
    EXPECT_GT(told.given_uj, told.idle_row_uj * 9 / 10);
    for (size_t i = 0; i < reports.size(); ++i) {
      ASSERT_EQ(reports[i].vms.size(), own[i].vms.size());
      for (size_t vm = 0; vm < own[i].vms.size(); ++vm) {
        const VmReport& with = reports[i].vms[vm];
        ASSERT_TRUE(with.idle_uj.has_value());
        EXPECT_EQ(with.energy_uj, own[i].vms[vm].energy_uj) << "the model's figure is untouched";
        EXPECT_EQ(with.active_uj, own[i].vms[vm].active_uj);
      }
    }
  }
}

TEST(IdleSharesTest, TheGuestIsToldBoth) {
  const std::vector<FlushReport> reports = ReportsUnder(IdlePolicy::kEqual);
  const absl::StatusOr<GuestLine> line = ParseGuestLine(reports[3].vms[0].guest_line);
  ASSERT_TRUE(line.ok());
  ASSERT_TRUE(line->energy_uj.has_value() && line->active_uj.has_value());
  EXPECT_GT(*line->energy_uj, *line->active_uj + 50'000'000);
}

}  // namespace
}  // namespace vrapl
