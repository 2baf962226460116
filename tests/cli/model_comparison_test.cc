// Law: a comparison is the sum of its windows under every model alike; what a model charges to nobody is told beside
// its rows; a model that does not divide the whole is no part of the spread.
#include "cli/model_comparison.h"

#include <gmock/gmock.h>

#include "cli/comparison_output.h"

namespace vrapl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const VmRun kAlpha{.uuid = "a", .name = "alpha", .pid = 1, .start_time = 1};
const VmRun kBeta{.uuid = "b", .name = "beta, \"old\"", .pid = 2, .start_time = 2};

RowReport Row(const VmRun& vm, const std::string& part, int64_t energy_uj, std::optional<int64_t> active_uj) {
  return {.kind = RowKind::kVm,
          .vm = vm,
          .part = part,
          .domain = {RaplDomain::kPackage},
          .energy_uj = energy_uj,
          .active_uj = active_uj,
          .run_time_ns = 1000};
}

// Two models of 100 J; the third charges 30 J of them twice.
FlushReport Window(int64_t t_ns, bool base_known) {
  FlushReport report{.t_ns = t_ns, .dt_ns = 10};
  const auto model = [&](Model name, Model applied, int64_t alpha_uj, int64_t beta_uj, int64_t idle_uj) {
    ModelReport& out = report.models.emplace_back();
    out.model = name;
    out.counters.push_back({.domain = {RaplDomain::kPackage},
                            .energy_ticks = 100,
                            .unit_uj = 1e6,
                            .energy_uj = 100'000'000,
                            .model = applied,
                            .unclaimed_ticks = 100 - (alpha_uj + beta_uj + idle_uj) / 1'000'000});
    const std::optional<int64_t> active = base_known ? std::optional<int64_t>(5) : std::nullopt;
    out.rows = {Row(kBeta, "vcpu0", beta_uj, active), Row(kAlpha, "vcpu0", alpha_uj / 2, active),
                Row(kAlpha, "io", alpha_uj - alpha_uj / 2, active)};
    out.rows.push_back({.kind = RowKind::kIdle, .domain = {RaplDomain::kPackage}, .energy_uj = idle_uj});
  };
  model(Model::kBaseShare, base_known ? Model::kBaseShare : Model::kCapacity, 40'000'000, 20'000'000, 40'000'000);
  model(Model::kShare, Model::kShare, 60'000'000, 40'000'000, 0);
  model(Model::kEnergat, Model::kEnergat, 90'000'000, 40'000'000, 0);
  return report;
}

Comparison OfTwoWindows() {
  ModelComparison models({Model::kBaseShare, Model::kShare, Model::kEnergat});
  models.Add(Window(10, false));
  models.Add(Window(20, true));
  return models.Result();
}

TEST(ModelComparisonTest, WindowsAndPartsAddUp) {
  const Comparison result = OfTwoWindows();
  EXPECT_EQ(result.start_ns, 0);
  EXPECT_EQ(result.end_ns, 20);
  ASSERT_EQ(result.domains.size(), 1u);
  const ComparedDomain& package = result.domains[0];
  EXPECT_EQ(package.counter_uj, 200'000'000);
  EXPECT_THAT(package.unclaimed_uj, ElementsAre(0, 0, -60'000'000));
  ASSERT_EQ(package.rows.size(), 3u);
  const ComparedRow& alpha = package.rows[0];
  EXPECT_EQ(alpha.vm.name, "alpha");
  EXPECT_EQ(alpha.run_time_ns, 4000) << "of two windows and two parts, whatever the number of models";
  EXPECT_THAT(alpha.energy_uj, ElementsAre(80'000'000, 120'000'000, 180'000'000));
  EXPECT_EQ(package.rows[2].kind, RowKind::kIdle) << "VMs first";
  for (size_t i = 0; i < result.models.size(); ++i) {
    int64_t sum_uj = package.unclaimed_uj[i];
    for (const ComparedRow& row : package.rows) sum_uj += row.energy_uj[i];
    EXPECT_EQ(sum_uj, package.counter_uj);
  }
}

TEST(ModelComparisonTest, TheSpreadIsOfModelsThatDivideTheSameSum) {
  const Comparison result = OfTwoWindows();
  EXPECT_EQ(result.domains[0].rows[0].spread_uj, 40'000'000);
}

TEST(ModelComparisonTest, WhatWasNotKnownInOneWindowIsNotKnown) {
  const Comparison result = OfTwoWindows();
  EXPECT_EQ(result.domains[0].rows[0].active_uj[0], std::nullopt);
  EXPECT_EQ(result.stood_in[0].windows, 1);
  EXPECT_EQ(result.stood_in[0].of, 2);
  EXPECT_EQ(result.stood_in[1].windows, 0);
}

// Beside the rows, by each model: what is divided is the idle row, which stays as it is.
TEST(ModelComparisonTest, WhoPaysForIdleIsToldInAllFormats) {
  ModelComparison models({Model::kBaseShare, Model::kShare, Model::kEnergat});
  for (const int64_t t_ns : {10, 20}) {
    FlushReport window = Window(t_ns, true);
    window.models[0].vm_counters = {{.vm = kAlpha, .domain = {RaplDomain::kPackage}, .idle_uj = 15'000'000}};
    models.Add(window);
  }
  const Comparison result = models.Result();
  EXPECT_EQ(result.domains[0].rows[0].idle_uj[0], 30'000'000);
  EXPECT_EQ(result.domains[0].rows[0].idle_uj[1], std::nullopt);
  EXPECT_EQ(result.domains[0].rows[0].energy_uj[0], 80'000'000);
  EXPECT_THAT(ComparisonToText(result), HasSubstr("idle:alpha                 30.000"));
  EXPECT_THAT(ComparisonToCsv(result, "msr"), HasSubstr("base-share,80000000,20,30000000,40000000,"));
  EXPECT_THAT(ComparisonToJsonl(result, "msr"), HasSubstr(R"("idle_uj":30000000)"));
  EXPECT_THAT(ComparisonToText(OfTwoWindows()), Not(HasSubstr("idle:")));
}

TEST(ModelComparisonTest, AllFormatsSayTheSame) {
  const Comparison result = OfTwoWindows();
  const std::string text = ComparisonToText(result);
  EXPECT_THAT(text, testing::AllOf(HasSubstr("alpha"), HasSubstr("180.000"), HasSubstr("-60.000"),
                                   HasSubstr("40.000 (40.0 %)"), HasSubstr("base-share: in 1 of 2 windows"),
                                   HasSubstr("capacity stood in"), HasSubstr("energat: its shares do not sum")));
  const std::string csv = ComparisonToCsv(result, "emulated");
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 1 + 3 * 3);
  EXPECT_THAT(csv, HasSubstr("20,20,vm,b,\"beta, \"\"old\"\"\",package,2000,share,80000000,"));
  const std::string jsonl = ComparisonToJsonl(result, "emulated");
  EXPECT_EQ(std::count(jsonl.begin(), jsonl.end(), '\n'), 3 * 3);
  EXPECT_THAT(jsonl, HasSubstr(R"("vm_name":"alpha")"));
  EXPECT_THAT(jsonl, Not(HasSubstr("nan")));
}

}  // namespace
}  // namespace vrapl
