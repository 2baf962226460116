#include "cli/power_table.h"

#include <gmock/gmock.h>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "tests/cli/made_report.h"

namespace vrapl {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

TEST(PowerTableTest, PowersOfCountersAndRowsOverTheInterval) {
  PowerTable table({});
  FlushReport report = MadeReport();
  report.models[0].counters[1].read_errors = 0;
  report.models[0].counters[0].err_uj = 10'000;
  report.models[0].rows[1].err_uj = 90'000;  // of a part: the VM's own is another
  report.models[0].vm_counters = {
      {.vm = report.models[0].rows[1].vm, .domain = {RaplDomain::kPackage}, .err_uj = 6'000}};
  const std::string text = table.Format(report);
  const std::vector<std::string> lines = absl::StrSplit(text, '\n');
  ASSERT_GE(lines.size(), 3u);
  EXPECT_THAT(lines[0], HasSubstr("source emulated (msr)"));
  EXPECT_THAT(std::vector<std::string>(absl::StrSplit(lines[1], ' ', absl::SkipEmpty())),
              ElementsAre("t_s", "package-0", "dram-0", "vm:web", "idle", "model"));
  EXPECT_THAT(std::vector<std::string>(absl::StrSplit(lines[2], ' ', absl::SkipEmpty())),
              ElementsAre("#", "+-", "95", "%", "0.005", "-", "0.003", "-", "of", "the", "next", "line"));
  EXPECT_THAT(std::vector<std::string>(absl::StrSplit(lines[3], ' ', absl::SkipEmpty())),
              ElementsAre("6.000000", "0.031", "0.000", "0.012", "0.019", "capacity", "for", "base-share"));
  EXPECT_THAT(table.Format(MadeReport()), Not(HasSubstr("t_s"))) << "the header is not repeated with every line";
}

TEST(PowerTableTest, AVmsPartOfIdleHasAColumn) {
  FlushReport report = MadeReport();
  const VmRun web = report.models[0].rows[1].vm;
  report.models[0].vm_counters = {{.vm = web, .domain = {RaplDomain::kPackage}, .idle_uj = 28'000},
                                  {.vm = web, .domain = {RaplDomain::kDram}, .idle_uj = 2'000}};
  const std::vector<std::string> lines = absl::StrSplit(PowerTable({}).Format(report), '\n');
  ASSERT_GE(lines.size(), 4u);
  EXPECT_THAT(lines[1], HasSubstr("idle:web"));
  EXPECT_THAT(lines[3], HasSubstr("0.015  capacity"));
  EXPECT_THAT(PowerTable({"db"}).Format(report), Not(HasSubstr("idle:web")));
}

TEST(PowerTableTest, WhatCouldNotBeReadIsNoZero) {
  FlushReport report = MadeReport();
  report.models[0].counters[1].energy_ticks = 0;
  report.models[0].counters[1].energy_uj = 0;
  EXPECT_THAT(PowerTable({}).Format(report), HasSubstr(" unread "));
}

// Missing and late energy is marked in the line that it concerns.
TEST(PowerTableTest, WhatIsNotAsItShouldBeStandsAtTheEndOfTheLine) {
  PowerTable table({});
  FlushReport report = MadeReport();
  EXPECT_THAT(table.Format(report), HasSubstr("! dram-0: 7 reads failed\n"));
  CounterReport& package = report.models[0].counters[0];
  package.glitches = 2;
  package.unknown_ns = 16'000'000;
  EXPECT_THAT(table.Format(report), HasSubstr("! package-0: 2 glitches left out, energy of 0.016 s unknown; dram-0"));
  package = MadeReport().models[0].counters[0];
  package.energy_ticks = 0;
  package.energy_uj = 0;
  EXPECT_THAT(table.Format(report), HasSubstr("still")) << "a package always draws power";
  package = MadeReport().models[0].counters[0];
  EXPECT_THAT(table.Format(report), HasSubstr("package-0: with energy of the time before"));
  EXPECT_THAT(table.Format(report), Not(HasSubstr("time before")));
}

TEST(PowerTableTest, TheHeaderComesAgainWhenTheColumnsChange) {
  PowerTable table({});
  (void)table.Format(MadeReport());
  FlushReport more = MadeReport();
  more.models[0].rows[1].vm.name = more.models[0].rows[3].vm.name = "db";
  EXPECT_THAT(table.Format(more), AllOf(HasSubstr("t_s"), HasSubstr("vm:db")));
  int headers = 0;
  for (int i = 0; i < 100; ++i) headers += absl::StrContains(table.Format(more), "t_s") ? 1 : 0;
  EXPECT_THAT(headers, testing::AllOf(testing::Ge(2), testing::Le(3))) << "and once a screenful";
}

TEST(PowerTableTest, OnlyTheVmsThatWereAskedFor) {
  EXPECT_THAT(PowerTable({"db"}).Format(MadeReport()), AllOf(Not(HasSubstr("vm:web")), HasSubstr("idle")));
  EXPECT_THAT(PowerTable({"web"}).Format(MadeReport()), HasSubstr("vm:web"));
  EXPECT_THAT(PowerTable({"11112222-3333-4444-5555-666677778888"}).Format(MadeReport()), HasSubstr("vm:web"));
}

}  // namespace
}  // namespace vrapl
