// What every format says alike.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cli/flush_csv.h"
#include "cli/flush_json.h"
#include "cli/flush_text.h"
#include "cli/power_table.h"
#include "tests/cli/made_report.h"

namespace vrapl {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using Json = nlohmann::json;

// Figures that rest on a row which an operator wrote say so, in each format.
TEST(CpuTableLabelTest, StandsInEveryFormat) {
  FlushReport report = MadeReport();
  EXPECT_THAT(FlushToJson(report), Not(HasSubstr("cpu_table")));
  EXPECT_THAT(FlushToText(report, {}), Not(HasSubstr("cpu_table")));
  EXPECT_THAT(PowerTable({}).Format(report), Not(HasSubstr("cpu_table")));
  report.cpu_table = "my,table.json row 06_FF";
  EXPECT_EQ(Json::parse(FlushToJson(report))["cpu_table"], "my,table.json row 06_FF");
  for (const absl::string_view line : absl::StrSplit(FlushToCsv(report), '\n', absl::SkipEmpty())) {
    EXPECT_TRUE(absl::EndsWith(line, ",emulated,\"my,table.json row 06_FF\"")) << line;
  }
  const std::vector<std::string> text = absl::StrSplit(FlushToText(report, {}), '\n');
  EXPECT_EQ(text[1], "  cpu_table=my,table.json row 06_FF");
  const std::vector<std::string> table = absl::StrSplit(PowerTable({}).Format(report), '\n');
  EXPECT_EQ(
      table[0],
      "# watts, mean of each interval; source emulated (msr); run time by bpf; cpu_table=my,table.json row 06_FF");
}

// How run time is known stands in each format, and where it is not of every switch by the scheduler's clock, that too.
TEST(RunTimeMethodTest, StandsInEveryFormatWithItsError) {
  for (const RunTimeMethod method : kRunTimeMethods) {
    FlushReport report = MadeReport();
    report.run_time_method = method;
    const std::string name(RunTimeMethodName(method));
    const Json json = Json::parse(FlushToJson(report));
    EXPECT_EQ(json["run_time_method"], name);
    EXPECT_EQ(json.contains("run_time_error"), !IsExact(method)) << name;
    for (const absl::string_view line : absl::StrSplit(FlushToCsv(report), '\n', absl::SkipEmpty())) {
      EXPECT_THAT(std::string(line), HasSubstr(absl::StrCat(",", name, ",emulated,")));
    }
    const std::string text = FlushToText(report, {});
    EXPECT_THAT(text, HasSubstr(absl::StrCat("run time by ", name, "\n")));
    EXPECT_EQ(absl::StrContains(text, "  run time: "), !IsExact(method)) << text;
    EXPECT_THAT(PowerTable({}).Format(report), HasSubstr(absl::StrCat("; run time by ", name, "\n")));
  }
}

TEST(LostSwitchesTest, AreMarkedInEveryFormat) {
  FlushReport report = MadeReport();
  report.samplers[0].lost_records = 0;
  EXPECT_THAT(FlushToText(report, {}), AllOf(Not(HasSubstr("LOST")), Not(HasSubstr("MISSED"))));
  EXPECT_THAT(PowerTable({}).Format(report), Not(HasSubstr("switch")));
  report.samplers[0].lost_records = 40;
  report.samplers[0].new_lost_records = 7;
  report.recursion_misses = 30;
  report.new_recursion_misses = 3;
  EXPECT_THAT(
      FlushToText(report, {}),
      AllOf(HasSubstr("40 switch records LOST"), HasSubstr("30 switches MISSED"),
            HasSubstr("12 switches unreported in 5 gaps"), HasSubstr("4 late, 10 missed (6 of them for stolen time)"),
            HasSubstr("p99 65 us, p99.9 90 us, max 3000 us"), HasSubstr("2 stalls of 5 ms or more"),
            HasSubstr("the longest 12.000 ms at")));
  const Json json = Json::parse(FlushToJson(report));
  EXPECT_EQ(json["recursion_misses"], 30);
  EXPECT_EQ(json["samplers"][0]["lost_records"], 40);
  EXPECT_THAT(PowerTable({}).Format(report),
              AllOf(HasSubstr("  ! "), HasSubstr("3 switches missed"), HasSubstr("package 0: 7 switch records lost")));
}

// A package may end without a sample of its own in the last flush: no time has passed, and there is no power.
TEST(NoTimeTest, NoPowerIsPrinted) {
  FlushReport report = MadeReport();
  report.dt_ns = 0;
  for (CounterReport& counter : report.models[0].counters) counter.dt_ns = 0;
  report.models[0].counters[1].read_errors = 0;
  for (const std::string& text : {PowerTable({}).Format(report), FlushToText(report, {})}) {
    EXPECT_THAT(text, AllOf(Not(HasSubstr("inf")), Not(HasSubstr("nan")))) << text;
  }
  EXPECT_THAT(
      std::vector<std::string>(absl::StrSplit(
          std::vector<std::string>(absl::StrSplit(PowerTable({}).Format(report), '\n'))[3], ' ', absl::SkipEmpty())),
      ElementsAre("6.000000", "-", "-", "-", "-", "capacity", "for", "base-share"));
  EXPECT_THAT(FlushToText(report, {}), AllOf(HasSubstr("1000 ticks, - W"), Not(HasSubstr("0.000 W"))));
}

TEST(HaltPollingOutputTest, IsToldWhereItIsKnown) {
  FlushReport report = MadeReport();
  EXPECT_FALSE(Json::parse(FlushToJson(report))["vms"][0].contains("halt_poll_ns")) << "not known is not zero";
  EXPECT_THAT(FlushToText(report, {}), Not(HasSubstr("halted")));
  report.vms[0].halt_poll_ns = 123'456'000;
  EXPECT_EQ(Json::parse(FlushToJson(report))["vms"][0]["halt_poll_ns"], 123'456'000);
  EXPECT_THAT(FlushToText(report, {}), HasSubstr("KVM waited 0.123456 s on a CPU for halted vCPUs: part of their run"));
}

}  // namespace
}  // namespace vrapl
