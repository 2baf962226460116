#include "sampler/own_cost.h"

#include <gmock/gmock.h>
#include <time.h>

#include "base/clock.h"

namespace vrapl {
namespace {

using testing::HasSubstr;

FlushReport Report() {
  FlushReport report;
  ModelReport model;
  for (const RaplDomain domain : {RaplDomain::kPackage, RaplDomain::kCores, RaplDomain::kDram}) {
    model.counters.push_back({.domain = {domain}, .energy_uj = 100});
    model.rows.push_back({.kind = RowKind::kVrapl, .domain = {domain}, .energy_uj = 10});
    model.rows.push_back({.kind = RowKind::kIdle, .domain = {domain}, .energy_uj = 90});
  }
  report.models = {model, model};
  return report;
}

TEST(OwnCostTest, IsOfThisProcessAndOfItsRow) {
  timespec before{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
  OwnCostMeter meter;
  const int64_t until_ns = MonotonicNs() + 30 * kNanosPerMilli;
  while (MonotonicNs() < until_ns) {
  }
  RealClock().SleepUntil(MonotonicNs() + kNanosPerMilli);
  meter.Add(Report());
  meter.Add(Report());
  const OwnCost cost = meter.cost();
  timespec after{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
  const int64_t cpu_ns = (after.tv_sec - before.tv_sec) * kNanosPerSecond + after.tv_nsec - before.tv_nsec;
  EXPECT_GE(cost.wall_ns, 31 * kNanosPerMilli);
  EXPECT_GT(cost.cpu_ns, 0);
  EXPECT_LE(cost.cpu_ns, cpu_ns + 1000) << "whole microseconds";
  EXPECT_GE(cost.voluntary_switches, 1) << "it slept";
  EXPECT_GE(cost.involuntary_switches, 0);
  EXPECT_EQ(cost.energy_uj, 40) << "package and DRAM: cores are a part of the package; the first model only";
  EXPECT_EQ(cost.host_energy_uj, 400);
}

TEST(OwnCostTest, WhatIsDoneAfterTheEndIsNotCounted) {
  OwnCostMeter meter;
  meter.End();
  const OwnCost at_end = meter.cost();
  const int64_t until_ns = MonotonicNs() + 10 * kNanosPerMilli;
  while (MonotonicNs() < until_ns) {
  }
  meter.Add(Report());
  const OwnCost later = meter.cost();
  EXPECT_EQ(later.wall_ns, at_end.wall_ns);
  EXPECT_EQ(later.cpu_ns, at_end.cpu_ns);
  EXPECT_EQ(later.energy_uj, 20) << "the last reports come after the last sample";
}

TEST(OwnCostTest, TellsAPersonInOneLine) {
  const std::string text = OwnCostText({.wall_ns = 10 * kNanosPerSecond,
                                        .cpu_ns = kNanosPerSecond / 2,
                                        .voluntary_switches = 20'000,
                                        .involuntary_switches = 7,
                                        .energy_uj = 1'000'000,
                                        .host_energy_uj = 400'000'000});
  EXPECT_THAT(text, HasSubstr("0.500 s of CPU time in 10.000 s (5.00 % of one CPU), 20000 wake-ups (2000/s), 7 "
                              "involuntary switches, 1.000 J (0.25 % of the host's)"));
  EXPECT_THAT(OwnCostText({}), HasSubstr("0.00 %")) << "nothing is divided by nothing";
}

}  // namespace
}  // namespace vrapl
