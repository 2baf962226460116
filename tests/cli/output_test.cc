// The formats, on a report made by hand: docs/output.md says what is in them.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "cli/flush_csv.h"
#include "cli/flush_json.h"
#include "cli/flush_text.h"
#include "cli/power_table.h"

namespace vrapl {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;
using Json = nlohmann::json;

constexpr int64_t kSecond = 1'000'000'000;

ModelReport MadeModel(Model model) {
  ModelReport report{.model = model};
  report.counters = {{.package_id = 0,
                      .domain = {RaplDomain::kPackage},
                      .dt_ns = 2 * kSecond,
                      .energy_ticks = 1000,
                      .unit_uj = 61.03515625,
                      .energy_uj = 61'035,
                      .model = model == Model::kBaseShare ? Model::kCapacity : model},
                     {.package_id = 0,
                      .domain = {RaplDomain::kDram},
                      .dt_ns = 2 * kSecond,
                      .energy_ticks = 40,
                      .unit_uj = 15.2587890625,
                      .energy_uj = 610,
                      .model = model,
                      .base_w = 3.5,
                      .base_err_w = 0.25,
                      .base_given = true,
                      .read_errors = 7}};
  const VmRun web{.uuid = "11112222-3333-4444-5555-666677778888", .name = "web", .pid = 4711, .start_time = 99};
  report.rows = {{.kind = RowKind::kIdle,
                  .domain = {RaplDomain::kPackage},
                  .energy_ticks = 600,
                  .energy_uj = 36'621,
                  .run_time_ns = 3 * kSecond},
                 {.kind = RowKind::kVm,
                  .vm = web,
                  .part = "vcpu0",
                  .domain = {RaplDomain::kPackage},
                  .energy_ticks = 400,
                  .energy_uj = 24'414,
                  .run_time_ns = kSecond,
                  .solo_time_ns = 6 * kSecond / 10,
                  .shared_time_ns = 4 * kSecond / 10},
                 {.kind = RowKind::kIdle,
                  .domain = {RaplDomain::kDram},
                  .energy_ticks = 30,
                  .energy_uj = 458,
                  .active_uj = 0,
                  .run_time_ns = 3 * kSecond},
                 {.kind = RowKind::kVm,
                  .vm = web,
                  .part = "vcpu0",
                  .domain = {RaplDomain::kDram},
                  .energy_ticks = 10,
                  .energy_uj = 153,
                  .active_uj = 150,
                  .run_time_ns = kSecond}};
  return report;
}

FlushReport MadeReport() {
  FlushReport report{.seq = 3,
                     .t_ns = 6 * kSecond + 17,
                     .dt_ns = 2 * kSecond,
                     .unix_ns = 1'763'767'882'271'000'000,
                     .source = "emulated",
                     .backend = "msr"};
  report.models = {MadeModel(Model::kBaseShare)};
  report.samplers = {{.package_id = 0,
                      .cpu = 1,
                      .lateness = {.samples = 5990,
                                   .late = 4,
                                   .missed = 10,
                                   .p50_ns = 21'000,
                                   .p99_ns = 65'000,
                                   .p999_ns = 90'000,
                                   .max_ns = 3'000'000},
                      .stalls = {.stalls = 2,
                                 .late_ns = 18'000'000,
                                 .stolen_ns = 7'000'000,
                                 .longest = {.t_ns = 5 * kSecond, .late_ns = 12'000'000, .stolen_ns = 7'000'000},
                                 .missed = 10,
                                 .missed_stolen = 6},
                      .new_stalls = {{.t_ns = 5 * kSecond, .late_ns = 12'000'000, .stolen_ns = 7'000'000}},
                      .edges = {.at_edge = 5900, .missed = 60, .doubles = 8, .empty = 3, .by_clock = 30},
                      .cpu_time_ns = 250'000'000,
                      .dropped = 2,
                      .read_errors = 7,
                      .gaps = 5,
                      .unreported_switches = 12,
                      .late_run_time_ns = 3'456'000,
                      .lost_records = 1}};
  report.vms = {{.vm = report.models[0].rows[1].vm,
                 .vcpus = 2,
                 .epoch = 0x9f,
                 .energy_uj = 24'567,
                 .run_time_ns = kSecond,
                 .total_energy_uj = 100'000,
                 .guest_line = "VRAPL1 seq=3 *00000000",
                 .lines_sent = 1,
                 .lines_skipped_unread = 2,
                 .ports_not_connected = 3,
                 .port_errors = 4}};
  return report;
}

std::vector<std::string> KeysOf(const Json& object) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : object.items()) keys.push_back(key);
  return keys;
}

TEST(FlushJsonTest, HasTheKeysThatAreDocumented) {
  const std::string text = FlushToJson(MadeReport());
  EXPECT_THAT(text, Not(HasSubstr("\n"))) << "one line";
  const Json json = Json::parse(text);
  EXPECT_THAT(KeysOf(json),
              testing::UnorderedElementsAre("seq", "t_ns", "dt_ns", "unix_ns", "source", "backend", "run_time_method",
                                            "recursion_misses", "model", "counters", "rows", "vms", "samplers"));
  EXPECT_EQ(json["seq"], 3);
  EXPECT_EQ(json["t_ns"], 6 * kSecond + 17);
  EXPECT_EQ(json["dt_ns"], 2 * kSecond);
  EXPECT_EQ(json["source"], "emulated");
  EXPECT_EQ(json["backend"], "msr");
  EXPECT_EQ(json["model"], "base-share");
  EXPECT_THAT(KeysOf(json["counters"][0]), testing::UnorderedElementsAre("package", "domain", "dt_ns", "energy_ticks",
                                                                         "unit_uj", "energy_uj", "model", "updates"));
  EXPECT_EQ(json["counters"][0]["unit_uj"], 61.03515625) << "a power of two is exact";
  EXPECT_EQ(json["counters"][0]["model"], "capacity") << "the one that was applied";
  EXPECT_EQ(json["counters"][1]["base_w"], 3.5);
  EXPECT_EQ(json["counters"][1]["base_err_w"], 0.25);
  EXPECT_EQ(json["counters"][1]["base_given"], true);
  EXPECT_EQ(json["counters"][1]["read_errors"], 7);
  for (const Json& row : json["rows"]) {
    for (const char* key :
         {"kind", "id", "name", "part", "package", "domain", "energy_ticks", "energy_uj", "active_uj", "run_time_ns"}) {
      EXPECT_TRUE(row.contains(key)) << key;
    }
  }
  EXPECT_EQ(json["rows"][1]["id"], "11112222-3333-4444-5555-666677778888");
  EXPECT_EQ(json["rows"][1]["name"], "web");
  EXPECT_EQ(json["rows"][1]["part"], "vcpu0");
  EXPECT_EQ(json["rows"][1]["pid"], 4711);
  EXPECT_TRUE(json["rows"][1]["active_uj"].is_null()) << "not known is not zero";
  EXPECT_EQ(json["rows"][3]["active_uj"], 150);
  EXPECT_EQ(json["rows"][1]["solo_time_ns"], 600'000'000);
  EXPECT_EQ(json["rows"][1]["shared_time_ns"], 400'000'000);
  EXPECT_FALSE(json["rows"][0].contains("solo_time_ns")) << "nobody runs in the idle row";
  EXPECT_EQ(json["rows"][0]["id"], "idle");
  EXPECT_TRUE(json["rows"][0]["part"].is_null());
  EXPECT_THAT(KeysOf(json["vms"][0]),
              testing::UnorderedElementsAre("id", "name", "pid", "running", "vcpus", "epoch", "energy_uj", "active_uj",
                                            "run_time_ns", "total_energy_uj", "line", "delivery"));
  EXPECT_EQ(json["vms"][0]["epoch"], "0000009f");
  EXPECT_TRUE(json["vms"][0]["active_uj"].is_null());
  EXPECT_THAT(KeysOf(json["vms"][0]["delivery"]),
              testing::UnorderedElementsAre("sent", "skipped_unread", "not_connected", "errors"));
  EXPECT_THAT(KeysOf(json["samplers"][0]),
              testing::UnorderedElementsAre("package", "cpu", "cpus", "capacity_ns", "samples", "late", "missed",
                                            "dropped", "read_errors", "gaps", "unreported_switches", "late_run_time_ns",
                                            "lost_records", "skew_max_ns", "late_p50_ns", "late_p99_ns", "late_p999_ns",
                                            "late_max_ns", "cpu_time_ns", "edges", "missed_stolen", "stalls",
                                            "stalled_ns", "stalled_stolen_ns", "new_stalls"));
  EXPECT_EQ(json["samplers"][0]["cpu_time_ns"], 250'000'000);
  EXPECT_EQ(json["samplers"][0]["edges"],
            Json::parse(R"({"at_edge":5900,"missed":60,"double":8,"empty":3,"by_clock":30})"));
  EXPECT_EQ(json["samplers"][0]["missed_stolen"], 6);
  EXPECT_EQ(json["samplers"][0]["stalls"], 2);
  EXPECT_EQ(json["samplers"][0]["stalled_ns"], 18'000'000);
  EXPECT_EQ(json["samplers"][0]["stalled_stolen_ns"], 7'000'000);
  EXPECT_EQ(json["samplers"][0]["new_stalls"],
            Json::parse(R"([{"t_ns":5000000000,"late_ns":12000000,"stolen_ns":7000000}])"));
  EXPECT_EQ(json["samplers"][0]["gaps"], 5);
  EXPECT_EQ(json["samplers"][0]["unreported_switches"], 12);
  EXPECT_EQ(json["samplers"][0]["late_run_time_ns"], 3'456'000);
  EXPECT_EQ(json["run_time_method"], "bpf");
  EXPECT_EQ(json["recursion_misses"], 0);
}

TEST(FlushJsonTest, RareKeysAreThereWhenTheyHaveSomethingToSay) {
  FlushReport report = MadeReport();
  report.models.push_back(MadeModel(Model::kShare));
  report.models[0].counters[0].die_id = 1;
  report.models[0].rows[0].die_id = 1;
  report.samplers[0].die_id = 1;
  report.problems = {"VM web: no port"};
  report.last = true;
  const Json json = Json::parse(FlushToJson(report));
  ASSERT_THAT(json["other_models"], SizeIs(1));
  EXPECT_EQ(json["other_models"][0]["model"], "share");
  EXPECT_THAT(json["other_models"][0]["rows"], SizeIs(4));
  EXPECT_THAT(json["other_models"][0]["counters"], SizeIs(2));
  EXPECT_THAT(json["rows"], SizeIs(4)) << "the first model's alone: they sum to the counters";
  EXPECT_EQ(json["problems"], Json({"VM web: no port"}));
  EXPECT_EQ(json["last"], true);
  EXPECT_EQ(json["counters"][0]["die"], 1);
  EXPECT_EQ(json["rows"][0]["die"], 1);
  EXPECT_EQ(json["samplers"][0]["die"], 1);
}

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

TEST(FlushJsonTest, AnyNameIsValidJson) {
  FlushReport report = MadeReport();
  const std::string odd = "a\"b\\c\n\x01 \xff\xfe end";
  report.models[0].rows[1].vm.name = odd;
  const std::string text = FlushToJson(report);
  EXPECT_THAT(text, Not(HasSubstr("\n")));
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  ASSERT_FALSE(json.is_discarded());
  EXPECT_TRUE(absl::StartsWith(json["rows"][1]["name"].get<std::string>(), "a\"b\\c\n"));
}

// RFC 4180: fields of the next record, which may span lines.
std::vector<std::string> NextRecord(absl::string_view& text) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  while (!text.empty()) {
    const char c = text.front();
    text.remove_prefix(1);
    if (quoted) {
      if (c != '"') {
        fields.back() += c;
      } else if (!text.empty() && text.front() == '"') {
        fields.back() += '"';
        text.remove_prefix(1);
      } else {
        quoted = false;
      }
    } else if (c == '"') {
      quoted = true;
    } else if (c == ',') {
      fields.emplace_back();
    } else if (c == '\n') {
      return fields;
    } else {
      fields.back() += c;
    }
  }
  return fields;
}

TEST(FlushCsvTest, EveryRowHasTheColumnsOfTheHeader) {
  const std::string header = FlushCsvHeader();
  EXPECT_EQ(header,
            "t_ns,dt_ns,kind,vm_id,vm_name,vm_pid,part,package,die,domain,energy_ticks,energy_uj,active_uj,run_time_ns,"
            "solo_time_ns,shared_time_ns,read_errors,model,run_time_method,source,cpu_table\n");
  FlushReport report = MadeReport();
  report.models.push_back(MadeModel(Model::kShare));
  const std::string text = FlushToCsv(report);
  absl::string_view rest = text;
  std::vector<std::vector<std::string>> records;
  while (!rest.empty()) records.push_back(NextRecord(rest));
  ASSERT_THAT(records, SizeIs(8));
  for (const auto& record : records) EXPECT_THAT(record, SizeIs(21));
  EXPECT_THAT(records[1], ElementsAre("6000000017", "2000000000", "vm", "11112222-3333-4444-5555-666677778888", "web",
                                      "4711", "vcpu0", "0", "0", "package", "400", "24414", "", "1000000000",
                                      "600000000", "400000000", "0", "capacity", "bpf", "emulated", ""));
  EXPECT_THAT(records[3], ElementsAre("6000000017", "2000000000", "vm", "11112222-3333-4444-5555-666677778888", "web",
                                      "4711", "vcpu0", "0", "0", "dram", "10", "153", "150", "1000000000", "", "", "7",
                                      "base-share", "bpf", "emulated", ""));
  EXPECT_THAT(records[0], ElementsAre("6000000017", "2000000000", "idle", "", "", "", "", "0", "0", "package", "600",
                                      "36621", "", "3000000000", "", "", "0", "capacity", "bpf", "emulated", ""));
  EXPECT_EQ(records[4][17], "share") << "each model's rows say whose they are";
}

TEST(FlushCsvTest, AnyNameIsOneField) {
  for (const std::string& name : {std::string("a,b"), std::string("say \"hi\""), std::string("two\nlines"),
                                  std::string("cr\rlf"), std::string("\""), std::string(",\"\n")}) {
    FlushReport report = MadeReport();
    report.models[0].rows = {report.models[0].rows[1]};
    report.models[0].rows[0].vm.name = name;
    const std::string text = FlushToCsv(report);
    absl::string_view rest = text;
    const std::vector<std::string> record = NextRecord(rest);
    EXPECT_TRUE(rest.empty());
    ASSERT_THAT(record, SizeIs(21));
    EXPECT_EQ(record[4], name);
    EXPECT_EQ(record[19], "emulated");
  }
}

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

TEST(PowerTableTest, PowersOfCountersAndRowsOverTheInterval) {
  PowerTable table({});
  FlushReport report = MadeReport();
  report.models[0].counters[1].read_errors = 0;
  const std::string text = table.Format(report);
  const std::vector<std::string> lines = absl::StrSplit(text, '\n');
  ASSERT_GE(lines.size(), 3u);
  EXPECT_THAT(lines[0], HasSubstr("source emulated (msr)"));
  EXPECT_THAT(std::vector<std::string>(absl::StrSplit(lines[1], ' ', absl::SkipEmpty())),
              ElementsAre("t_s", "package-0", "dram-0", "vm:web", "idle", "model"));
  EXPECT_THAT(std::vector<std::string>(absl::StrSplit(lines[2], ' ', absl::SkipEmpty())),
              ElementsAre("6.000000", "0.031", "0.000", "0.012", "0.019", "capacity"));
  EXPECT_THAT(table.Format(MadeReport()), Not(HasSubstr("t_s"))) << "the header is not repeated with every line";
}

TEST(PowerTableTest, WhatCouldNotBeReadIsNoZero) {
  FlushReport report = MadeReport();
  report.models[0].counters[1].energy_ticks = 0;
  report.models[0].counters[1].energy_uj = 0;
  EXPECT_THAT(PowerTable({}).Format(report), HasSubstr(" unread "));
}

// A package may end without a sample of its own in the last flush: no time has passed, and there is no power.
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
          std::vector<std::string>(absl::StrSplit(PowerTable({}).Format(report), '\n'))[2], ' ', absl::SkipEmpty())),
      ElementsAre("6.000000", "-", "-", "-", "-", "capacity"));
  EXPECT_THAT(FlushToText(report, {}), AllOf(HasSubstr("1000 ticks, - W"), Not(HasSubstr("0.000 W"))));
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
