#include "report/methods.h"

#include <gmock/gmock.h>

#include "absl/strings/str_format.h"
#include "report/warnings.h"
#include "tests/report/made_run.h"

namespace vrapl {
namespace {

using testing::AllOf;
using testing::AnyOf;
using testing::Contains;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

RunTotals TotalsOf(const std::vector<FlushReport>& reports) {
  RunTotals totals;
  for (const FlushReport& report : reports) totals.Add(report);
  return totals;
}

TEST(RunTotalsTest, RowsOfEachCounterAndModelAreTheCounter) {
  const MadeRun run({.packages = {{.package_id = 0}, {.package_id = 1, .seed = 3}}, .duration_ns = 8 * kSecond});
  const RunTotals totals = TotalsOf(run.Reports({.models = AllModels()}));
  EXPECT_EQ(totals.begin_ns(), 0);
  EXPECT_EQ(totals.windows(), 4u);
  for (size_t model = 0; model < totals.models().size(); ++model) {
    if (!ClaimsAll(totals.models()[model])) continue;
    for (const auto& [key, counter] : totals.counters(model)) {
      uint64_t ticks = 0;
      int64_t run_time_ns = 0;
      for (const auto& [owner, total] : totals.owners(model)) {
        const RunTotals::Energy& energy = total.counters.at(key);
        ticks += energy.ticks;
        run_time_ns += energy.run_time_ns;
      }
      EXPECT_EQ(ticks, counter.ticks);
      EXPECT_EQ(run_time_ns, 2 * counter.dt_ns);  // CPUs
    }
  }
  int64_t sum_uj = 0;
  int64_t run_time_ns = 0;
  for (const auto& [owner, total] : totals.owners()) {
    sum_uj += total.sum.energy_uj;
    run_time_ns += total.sum.run_time_ns;
  }
  EXPECT_NEAR(static_cast<double>(sum_uj), static_cast<double>(totals.host_uj()), 40);
  EXPECT_EQ(run_time_ns, totals.capacity_ns());
}

TEST(MethodsTest, SaysWhatAPaperNeeds) {
  MadeRun run({});
  const RunTotals totals = TotalsOf(run.Reports({}));
  const std::string text = MethodsText(run.run(), totals, MethodsFormat::kMarkdown);
  for (const char* word :
       {"vrapl 1.2.3", "Made CPU", "0x42", "Linux 6.99", "every 1 ms", "ticks missed", "99.9 %", "base-share",
        "15.00 W, given", "Windows of 2 s", "| web |", "| idle |", "package and DRAM"}) {
    EXPECT_THAT(text, HasSubstr(word));
  }
  EXPECT_THAT(text, Not(HasSubstr("EMULATED")));
  EXPECT_THAT(
      text, HasSubstr(absl::StrFormat("| host (the counters) | %.6f |", static_cast<double>(totals.host_uj()) * 1e-6)));
  EXPECT_THAT(MethodsText(run.run(), totals, MethodsFormat::kLatex),
              AllOf(HasSubstr("\\begin{tabular}"), HasSubstr("web & "), HasSubstr("99.9 \\%")));
}

TEST(MethodsTest, AModelThatStoodInIsNamed) {
  MadeRun run({});
  std::vector<FlushReport> reports = run.Reports({});
  EXPECT_THAT(MethodsText(run.run(), TotalsOf(reports), MethodsFormat::kMarkdown), Not(HasSubstr("stood in")));
  for (FlushReport& report : reports) report.models[0].counters[0].model = Model::kCapacity;
  const std::string part = MethodsText(run.run(), TotalsOf(reports), MethodsFormat::kMarkdown);
  EXPECT_THAT(part, AllOf(HasSubstr("a simpler model stood in"), HasSubstr("by the model base-share"),
                          HasSubstr("(base-share, capacity in 50 % of the time)")));
  for (FlushReport& report : reports) {
    for (CounterReport& counter : report.models[0].counters) counter.model = Model::kCapacity;
  }
  const std::string all = MethodsText(run.run(), TotalsOf(reports), MethodsFormat::kMarkdown);
  EXPECT_THAT(all, AllOf(HasSubstr("attributed by the model capacity"), Not(HasSubstr("by the model base-share")),
                         HasSubstr("base-share was asked for and could not be applied at any time")));
}

TEST(MethodsTest, EveryRowHasItsInterval) {
  MadeRun run({});
  std::vector<FlushReport> reports = run.Reports({});
  for (FlushReport& report : reports) {
    for (CounterReport& counter : report.models[0].counters) {
      counter.grain = CounterGrain{.unit_uj = counter.unit_uj, .period_ns = 1e6, .jitter_ns = 1e3};
    }
  }
  const RunTotals totals = TotalsOf(reports);
  const std::string text = MethodsText(run.run(), totals, MethodsFormat::kMarkdown);
  EXPECT_THAT(text, HasSubstr("| +- J (95 %) |"));
  int found = 0;
  for (const auto& [owner, total] : totals.owners()) {
    if (owner.kind != RowKind::kVm) continue;
    ++found;
    ASSERT_TRUE(total.err_uj().has_value());
    EXPECT_THAT(text, HasSubstr(absl::StrFormat("| %.6f | %.6f |", static_cast<double>(total.sum.energy_uj) * 1e-6,
                                                static_cast<double>(*total.err_uj()) * 1e-6)));
  }
  EXPECT_GT(found, 0);
}

TEST(MethodsTest, EmulatedIsTheFirstWord) {
  MadeRun run({.source = "emulated"});
  const std::string text = MethodsText(run.run(), TotalsOf(run.Reports({})), MethodsFormat::kMarkdown);
  EXPECT_EQ(text.find("THE ENERGY COUNTERS WERE EMULATED"), 0u);
}

TEST(MethodsTest, NamesDoNotBecomeMarkup) {
  MadeRun run({.vms = {MadeVm("a|b_c\n| x |", 1000), MadeVm("50%\\&{}", 2000)}});
  const RunTotals totals = TotalsOf(run.Reports({}));
  const std::string markdown = MethodsText(run.run(), totals, MethodsFormat::kMarkdown);
  EXPECT_THAT(markdown, HasSubstr("| a\\|b\\_c \\| x \\| |"));
  EXPECT_THAT(MethodsText(run.run(), totals, MethodsFormat::kLatex), HasSubstr("50\\%\\textbackslash{}\\&\\{\\} & "));
}

TEST(MethodsTest, WhatTheRecordingDoesNotNameIsNotMadeUp) {
  MadeRun run({});
  run.run().header = "[broken";
  const std::string text = MethodsText(run.run(), TotalsOf(run.Reports({})), MethodsFormat::kMarkdown);
  EXPECT_THAT(text, AllOf(HasSubstr("a CPU that the recording does not name"), HasSubstr("microcode not recorded")));
}

auto Says(const char* word, bool severe) {
  return Contains(AllOf(Field(&ReportWarning::text, HasSubstr(word)), Field(&ReportWarning::severe, severe)));
}

TEST(WarningsTest, ACleanRunHasNone) {
  MadeRun run({});
  std::vector<FlushReport> reports = run.Reports({});
  for (FlushReport& report : reports) {
    for (RowReport& row : report.models[0].rows) {
      if (row.kind == RowKind::kStolen || row.kind == RowKind::kUnreported) row.run_time_ns = 0;
    }
  }
  EXPECT_THAT(WarningsOf(run.run(), TotalsOf(reports)), IsEmpty());
}

TEST(WarningsTest, TheModelThatStoodInIsNamed) {
  MadeRun run({});
  run.run().models = {Model::kFit};
  std::vector<FlushReport> reports = run.Reports({.models = {Model::kFit}});
  for (FlushReport& report : reports) {
    for (CounterReport& counter : report.models[0].counters) counter.model = Model::kFit;
  }
  reports[0].models[0].counters[0].model = Model::kBaseShare;
  reports[1].models[0].counters[0].model = Model::kCapacity;
  const std::vector<ReportWarning> warnings = WarningsOf(run.run(), TotalsOf(reports));
  EXPECT_THAT(warnings, Says("apart in 2.000 of 4.000 s: that time is charged by the model base-share instead", false));
  EXPECT_THAT(warnings,
              Says("not known in 2.000 of 4.000 s: that time is charged by the model capacity instead", false));
}

TEST(WarningsTest, EveryFaultIsNamed) {
  MadeRun run({.source = "emulated"});
  run.run().ended = false;
  run.run().damage = {"block 7 is damaged: 0.5 s are missing"};
  std::vector<FlushReport> reports = run.Reports({});
  FlushReport& last = reports.back();
  last.run_time_method = RunTimeMethod::kSchedstat;
  last.recursion_misses = 3;
  last.problems = {"something went wrong"};
  last.samplers[0].lateness.samples = 900;
  last.samplers[0].lateness.missed = 100;
  last.samplers[0].dropped = 5;
  last.samplers[0].lost_records = 6;
  last.samplers[0].late_run_time_ns = kSecond;
  last.samplers[0].suspended_ns = 0;
  reports.front().samplers[0].suspended_ns = 3 * kSecond;
  CounterReport& counter = last.models[0].counters[0];
  counter.frozen = true;
  counter.unknown_ns = kSecond;
  counter.glitches = 2;
  counter.read_errors = 4;
  counter.model = Model::kCapacity;
  const std::vector<ReportWarning> warnings = WarningsOf(run.run(), TotalsOf(reports));
  for (const char* severe : {"EMULATED", "does not end", "block 7", "schedstat", "3 switches", "6 switch records",
                             "suspended for 3.000 s", "stood still", "unknown for 1.000 s"}) {
    EXPECT_THAT(warnings, Says(severe, true)) << severe;
  }
  for (const char* minor : {"100 of 1000 ticks", "5 samples", "something went wrong", "2 readings", "4 reads", "stolen",
                            "unreported", "too late", "not known in"}) {
    EXPECT_THAT(warnings, Says(minor, false)) << minor;
  }
  EXPECT_THAT(warnings.front().text, HasSubstr("EMULATED"));
  EXPECT_FALSE(warnings.back().severe);
}

}  // namespace
}  // namespace vrapl
