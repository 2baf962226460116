#include "cli/flush_text.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "absl/strings/str_replace.h"
#include "cli/flush_csv.h"
#include "cli/flush_json.h"
#include "cli/power_table.h"
#include "tests/cli/made_report.h"

namespace vrapl {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using Json = nlohmann::json;

TEST(FlushTextTest, ShowsTheSumAgainstTheCounter) {
  const std::string text = FlushToText(MadeReport(), {});
  EXPECT_THAT(text,
              AllOf(HasSubstr("difference 0 ticks"), HasSubstr("emulated"), HasSubstr("vm web"), HasSubstr("idle")));
  EXPECT_THAT(text, HasSubstr("base not known yet"));
  EXPECT_THAT(text, HasSubstr("7 reads FAILED"));
  EXPECT_THAT(text, AllOf(HasSubstr("VRAPL1 seq=3"), HasSubstr("1 sent"), HasSubstr("2 not read yet")));
  EXPECT_THAT(text, AllOf(HasSubstr("5990"), HasSubstr("10 missed"), HasSubstr("4 late")));
  EXPECT_THAT(text, HasSubstr("3.456 ms of run time known too late"));

  FlushReport wrong = MadeReport();
  wrong.models[0].rows[0].energy_ticks -= 3;
  EXPECT_THAT(FlushToText(wrong, {}), HasSubstr("difference 3 ticks")) << "it is computed, not claimed";
}

TEST(FlushTextTest, WhatIsWrongWithACounterStandsBesideIt) {
  FlushReport report = MadeReport();
  CounterReport& counter = report.models[0].counters[0];
  counter.glitches = 3;
  counter.unknown_ns = 1'500'000'000;
  counter.frozen = true;
  const std::string text = std::string(absl::StrReplaceAll(FlushToText(report, {}), {{"\n    ", " "}}));
  EXPECT_THAT(text, HasSubstr("3 glitches left out"));
  EXPECT_THAT(text, HasSubstr("energy of 1.500 s UNKNOWN"));
  EXPECT_THAT(text, HasSubstr("STANDS STILL"));
  const Json json = Json::parse(FlushToJson(report))["counters"][0];
  EXPECT_EQ(json["glitches"], 3);
  EXPECT_EQ(json["unknown_ns"], 1'500'000'000);
  EXPECT_EQ(json["frozen"], true);
}

// Who pays for idle is told beside the rows, where a policy was chosen.
TEST(FlushTextTest, AVmsPartOfTheIdleRowIsShown) {
  FlushReport report = MadeReport();
  EXPECT_THAT(FlushToText(report, {}), Not(HasSubstr("of idle, W")));
  VmRun web;
  for (const RowReport& row : report.models[0].rows) web = row.kind == RowKind::kVm ? row.vm : web;
  ASSERT_EQ(web.name, "web");
  report.models[0].vm_counters = {{.vm = web, .domain = {RaplDomain::kPackage}, .idle_uj = 5'000'000},
                                  {.vm = web, .domain = {RaplDomain::kDram}, .idle_uj = 1'000'000}};
  const std::string text = FlushToText(report, {});
  EXPECT_THAT(text, HasSubstr("of idle, W"));
  EXPECT_THAT(text, testing::ContainsRegex("vm web .* 3\\.000\n")) << "6 J in 2 s";
}

// One core's counter has no rows, so no sum to show against it.
TEST(FlushTextTest, ACoreIsShownAsAPartOfThePackage) {
  FlushReport report = MadeReport();
  report.models[0].counters.push_back({.domain = {RaplDomain::kCore, 7},
                                       .dt_ns = 2 * kSecond,
                                       .energy_ticks = 200,
                                       .unit_uj = 10'000,
                                       .energy_uj = 2'000'000,
                                       .attributed = false});
  EXPECT_THAT(FlushToText(report, {}), HasSubstr("core:7-0 200 ticks, 1.000 W, a part of the package\n"));
}

TEST(SparklineTest, IsAsWideAsAskedAndAsHighAsTheValues) {
  EXPECT_EQ(Sparkline({0, 10}, 2, 10), "▁█");
  EXPECT_EQ(Sparkline({0, 0, 10, 10}, 2, 10), "▁█");
  EXPECT_EQ(Sparkline({5}, 1, 10), "▅");
  EXPECT_EQ(Sparkline({20}, 1, 10), "█") << "what is higher than the full height is full";
  EXPECT_EQ(Sparkline({1, 2}, 4, 0), "▁▁▁▁");
  EXPECT_EQ(Sparkline({}, 4, 10), "");
}

// A reader must not take a sensor's readings, integrated, for a counter of energy.
TEST(FlushTextTest, PowerThatWasIntegratedSaysSo) {
  FlushReport report = MadeReport();
  EXPECT_THAT(FlushToText(report, {}), Not(HasSubstr("integrated")));
  EXPECT_THAT(FlushToJson(report), Not(HasSubstr("power_based")));
  report.source = report.backend = "hwmon";
  report.power_based = true;
  EXPECT_THAT(FlushToText(report, {}), HasSubstr("source hwmon (hwmon: power, integrated)"));
  EXPECT_THAT(FlushToJson(report), HasSubstr(R"("power_based":true)"));
  EXPECT_THAT(PowerTable({}).Format(report), HasSubstr("source hwmon (hwmon: power, integrated)"));
  EXPECT_THAT(FlushToCsv(report), HasSubstr(",hwmon,"));
}

}  // namespace
}  // namespace vrapl
