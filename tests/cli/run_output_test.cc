// Runs as text, CSV and JSON, made of made reports.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "absl/strings/str_split.h"
#include "cli/run_csv.h"
#include "cli/run_json.h"
#include "cli/run_summary.h"
#include "cli/run_text.h"

namespace vrapl {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

FlushReport Report(int64_t command_uj, Model applied = Model::kBaseShare) {
  FlushReport report{.t_ns = 2'000'000, .dt_ns = 1'000'000};
  ModelReport model;
  for (const RaplDomain domain : {RaplDomain::kPackage, RaplDomain::kDram}) {
    model.counters.push_back(
        {.domain = {domain}, .energy_ticks = 100, .energy_uj = command_uj + 3'000'000, .model = applied});
    model.rows.push_back({.kind = RowKind::kIdle, .domain = {domain}, .energy_uj = 1'000'000, .run_time_ns = 5});
    model.rows.push_back({.kind = RowKind::kCommand,
                          .domain = {domain},
                          .energy_ticks = 40,
                          .energy_uj = command_uj,
                          .active_uj = 7,
                          .run_time_ns = 1'500'000});
    for (const char* part : {"vcpu0", "emulator"}) {
      model.rows.push_back({.kind = RowKind::kVm,
                            .vm = {.uuid = "u1", .name = "web, \"new\"", .pid = 12},
                            .part = part,
                            .domain = {domain},
                            .energy_uj = 500'000,
                            .active_uj = 1,
                            .run_time_ns = 10});
    }
    model.rows.push_back({.kind = RowKind::kVm,
                          .vm = {.uuid = "u2", .name = "db", .pid = 13},
                          .part = "vcpu0",
                          .domain = {domain},
                          .energy_uj = 1'000'000});
  }
  report.models = {model};
  return report;
}

RunsInfo Info() {
  return {.commands = {"sleep 1"},
          .models = {Model::kBaseShare},
          .vms = {"web, \"new\""},
          .source = "emulated",
          .backend = "msr"};
}

RunResult Result(int64_t command_uj = 2'000'000, int repetition = 0) {
  RunResult result{.plan = {.repetition = repetition}, .wall_ns = 900'000};
  result.whole.Add(Report(command_uj));
  result.whole.Add(Report(command_uj));
  return result;
}

TEST(IntervalTest, IsTheSumOfItsFlushesWithTheWeakestWordForEach) {
  const Interval interval = Result().whole;
  EXPECT_EQ(interval.dt_ns, 2'000'000);
  EXPECT_EQ(interval.start_t_ns, 1'000'000);
  for (const auto& [key, row] : interval.rows) {
    if (key.kind == RowKind::kVm && key.vm_id == "u1") {
      EXPECT_EQ(row.energy_uj, 2'000'000) << "its parts together";
      EXPECT_EQ(row.active_uj, 4);
    }
    if (key.kind != RowKind::kIdle) continue;
    EXPECT_FALSE(row.active_uj.has_value()) << "not known is not zero";
  }
  Interval stood_in = interval;
  stood_in.Add(Report(1, Model::kCapacity));
  EXPECT_THAT(stood_in.counters.begin()->second.models, SizeIs(2));
  FlushReport failed = Report(1);
  failed.models[0].counters[0].read_errors = 1;
  stood_in.Add(failed);
  EXPECT_TRUE(stood_in.counters.begin()->second.doubtful);
}

// The edges between flushes cancel: the error of many is no sum of theirs, and no less than that of one.
TEST(IntervalTest, TheErrorOfACounterIsOfItsEnds) {
  Interval interval;
  const auto add = [&](std::optional<int64_t> err_uj) {
    FlushReport report = Report(1'000'000);
    for (CounterReport& counter : report.models[0].counters) counter.err_uj = err_uj;
    interval.Add(report);
    return interval.counters.begin()->second.err_uj();
  };
  EXPECT_EQ(add(300), 300);
  EXPECT_EQ(add(900), 949) << "hypot(300, 900)";
  EXPECT_EQ(add(400), 500);
  const nlohmann::json json = nlohmann::json::parse(RunToJson(Info(), {.whole = interval}));
  EXPECT_EQ(json["counters"][0]["err_uj"], 500);
  EXPECT_EQ(add(std::nullopt), std::nullopt);
  EXPECT_EQ(add(400), std::nullopt) << "a part is not known";
  const nlohmann::json unknown = nlohmann::json::parse(RunToJson(Info(), {.whole = interval}));
  EXPECT_TRUE(unknown["counters"][0]["err_uj"].is_null());
}

TEST(RunTextTest, ShowsTheCommandTheVmsAskedForAndThatItIsEmulated) {
  const std::string text = RunText(Info(), Result());
  EXPECT_THAT(text, AllOf(HasSubstr("EMULATED HARDWARE"), HasSubstr("sleep 1: exit code 0"), HasSubstr("package-0 J"),
                          HasSubstr("dram-0 J"), HasSubstr("vm web, \"new\""), HasSubstr("other VMs"),
                          HasSubstr("sum = counter")));
  EXPECT_THAT(text, AllOf(Not(HasSubstr("phase")), Not(HasSubstr("!"))));
  RunResult doubtful = Result();
  doubtful.missed_forks = 3;
  doubtful.whole.counters.begin()->second.doubtful = true;
  EXPECT_THAT(RunText(Info(), doubtful), AllOf(HasSubstr("3 forks"), HasSubstr("! package-0")));
}

TEST(RunsTextTest, TellsMediansAndWhoDoesNotFit) {
  std::vector<RunResult> results;
  for (int i = 0; i < 9; ++i) results.push_back(Result(2'000'000 + i * 1000, i));
  results[4] = Result(90'000'000, 4);
  const std::string text = RunsText(Info(), results);
  EXPECT_THAT(text, AllOf(HasSubstr("9 runs"), HasSubstr("96.1 % from"), HasSubstr("does not fit: run 4\n"),
                          HasSubstr("command package-0 J"), Not(HasSubstr("needs 6"))));
  results.resize(3);
  EXPECT_THAT(RunsText(Info(), results), HasSubstr("3 cover 75.0 %"));
}

const FigureSummary& Named(const CommandSummary& summary, const std::string& name) {
  for (const FigureSummary& figure : summary.figures) {
    if (figure.name == name) return figure;
  }
  ADD_FAILURE() << "no figure " << name;
  return summary.figures.front();
}

TEST(RunSummaryTest, PhasesOfOneLabelAreAddedUpAndAreNoRuns) {
  std::vector<RunResult> results;
  for (int i = 0; i < 3; ++i) {
    results.push_back(Result(2'000'000, i));
    results.back().phases.assign(5, results.back().whole);
    for (Interval& phase : results.back().phases) phase.label = "iter";
  }
  const FigureSummary time = Named(SummarizeRuns(Info(), results, 0), "[iter] time s");
  EXPECT_EQ(time.median.count, 3u);
  EXPECT_EQ(time.median.coverage, 0.75);
  EXPECT_DOUBLE_EQ(time.median.median, 5 * 0.002);
}

TEST(RunSummaryTest, AFigureThatARunLacksKeepsTheNumbersOfTheOthers) {
  std::vector<RunResult> results;
  for (int i = 0; i < 9; ++i) {
    results.push_back(Result(2'000'000 + i * 1000, i));
    if (i < 2) continue;
    results.back().phases = {results.back().whole};
    results.back().phases[0].label = "late";
    results.back().phases[0].dt_ns = i == 4 ? 900'000'000 : 2'000'000 + i * 1000;
  }
  const FigureSummary late = Named(SummarizeRuns(Info(), results, 0), "[late] time s");
  EXPECT_EQ(late.median.count, 7u);
  EXPECT_THAT(late.outliers, ElementsAre(4));
  EXPECT_THAT(RunsText(Info(), results),
              AllOf(HasSubstr("96.1 % from"), HasSubstr("(of 7 runs: 98.4 %)"), HasSubstr("! does not fit: run 4\n")));
}

TEST(RunSummaryTest, RunsThatFailedOrWereCutAreCountedAndLeftOut) {
  std::vector<RunResult> results;
  for (int i = 0; i < 5; ++i) {
    results.push_back(Result(2'000'000, i));
    results.back().wall_ns = 1'000'000'000;
  }
  results[1].end.exit_code = 3;
  results[1].wall_ns = 10;
  results[4].interrupted = true;
  results[4].wall_ns = 20;
  const CommandSummary summary = SummarizeRuns(Info(), results, 0);
  EXPECT_EQ(Named(summary, "wall time s").median.count, 3u);
  EXPECT_EQ(Named(summary, "wall time s").median.least, 1.0);
  EXPECT_THAT(RunsText(Info(), results),
              AllOf(HasSubstr("5 runs, 1 failed (the first: exit code 3), 1 cut by a signal"),
                    HasSubstr("of the other 3."), HasSubstr("75.0 % from")));
  for (RunResult& result : results) result.end.exit_code = 4;
  EXPECT_THAT(RunsText(Info(), results), AllOf(HasSubstr("5 failed (the first: exit code 4)"),
                                               HasSubstr("None ended well"), Not(HasSubstr("75.0 % from"))));
}

TEST(RunExportTest, CsvHasALineForEachRowAndQuotesNames) {
  RunResult result = Result();
  result.phases = {result.whole, result.whole};
  result.phases[1].label = "a,b";
  const std::string text = RunToCsv(Info(), result);
  const std::vector<std::string> lines = absl::StrSplit(text, '\n', absl::SkipEmpty());
  EXPECT_THAT(lines, SizeIs(3 * 8));
  EXPECT_THAT(lines, Contains(HasSubstr("\"web, \"\"new\"\"\"")));
  EXPECT_THAT(lines, Contains(HasSubstr("\"a,b\",1,command")));
  const std::vector<std::string> header = absl::StrSplit(RunCsvHeader(), ',');
  EXPECT_THAT(std::vector<std::string>(absl::StrSplit(lines[0], ',')), SizeIs(header.size()));
}

TEST(RunExportTest, JsonIsRead) {
  RunResult result = Result();
  result.end = {.exit_code = 137, .signal = 9, .user_ns = 5};
  const nlohmann::json json = nlohmann::json::parse(RunToJson(Info(), result));
  EXPECT_EQ(json["signal"], 9);
  EXPECT_EQ(json["exit_code"], 137);
  EXPECT_EQ(json["source"], "emulated");
  EXPECT_THAT(json["rows"], SizeIs(8));
  EXPECT_FALSE(json.contains("phases"));
}

}  // namespace
}  // namespace vrapl
