#include "guest/joules_per_run.h"

#include <gmock/gmock.h>

#include <random>

#include "tests/guest/host_end.h"

namespace vrapl {
namespace {

using testing::HasSubstr;

MeasuredRuns Measured(int lines, int64_t active_mw) {
  MadeLines made(1);
  MeasuredRuns measured;
  measured.before = made.Next(active_mw + 4'000, active_mw);
  for (int i = 0; i < lines; ++i) measured.intervals.push_back(made.Next(active_mw + 4'000, active_mw));
  measured.runs = 10;
  measured.command_ns = 4'000'000'000;
  measured.guest_ns = 8'000'000'000;
  measured.guest_err_ns = 20'000'000;
  return measured;
}

TEST(JoulesPerRunTest, ActiveEnergyByCpuTime) {
  // 5 intervals of 2 s at 6 W are 60 J, of which half are the command's: 3 J for each of ten runs.
  const JoulesPerRun result = ComputeJoulesPerRun(Measured(5, 6'000));
  EXPECT_EQ(result.why_not, "");
  EXPECT_NEAR(result.joules, 3.0, 1e-9);
  EXPECT_NEAR(result.share, 0.5, 1e-9);
  EXPECT_NEAR(result.vm_joules, 60, 1e-9);
  EXPECT_NEAR(result.window_s, 10, 1e-9);
  EXPECT_FALSE(result.whole_energy);
  EXPECT_FALSE(result.error_unknown);
  // sqrt(0.01^2 + 0.01^2 + 0.07764^2) J of 60 J, and 20 ms of 8 s.
  EXPECT_NEAR(result.half_width, 3.0 * std::hypot(0.07891 / 60, 0.0025), 1e-4);
}

TEST(JoulesPerRunTest, TooShortIsNoAnswer) {
  EXPECT_THAT(ComputeJoulesPerRun(Measured(1, 50)).why_not, HasSubstr("too short"));
  EXPECT_THAT(ComputeJoulesPerRun(Measured(5, 0)).why_not, HasSubstr("--for=60s"));
  MeasuredRuns idle = Measured(5, 6'000);
  idle.command_ns = 0;
  EXPECT_THAT(ComputeJoulesPerRun(idle).why_not, HasSubstr("too short"));
  EXPECT_NE(ComputeJoulesPerRun(Measured(0, 6'000)).why_not, "");
}

TEST(JoulesPerRunTest, ANewEpochIsNoAnswer) {
  MeasuredRuns measured = Measured(5, 6'000);
  measured.intervals[3].epoch = 2;
  EXPECT_THAT(ComputeJoulesPerRun(measured).why_not, HasSubstr("anew"));
}

TEST(JoulesPerRunTest, WithoutAKnownFloorAllEnergyIsDividedAndThatIsSaid) {
  MeasuredRuns measured = Measured(5, 6'000);
  measured.intervals[2].model = "capacity";
  measured.intervals[4].err_uj.reset();
  const JoulesPerRun result = ComputeJoulesPerRun(measured);
  EXPECT_TRUE(result.whole_energy);
  EXPECT_TRUE(result.error_unknown);
  EXPECT_NEAR(result.joules, 5.0, 1e-9);
  for (GuestLine& line : measured.intervals) line.energy_uj.reset();
  EXPECT_THAT(ComputeJoulesPerRun(measured).why_not, HasSubstr("did not know"));
}

// Against made truths: energy that is told in steps and with errors at both ends, and a guest's clock with ticks. The
// interval must hold the truth in 95 % of the cases or more; it is put together from bounds.
TEST(JoulesPerRunTest, TheIntervalHoldsTheTruth) {
  std::mt19937_64 random(1);
  std::normal_distribution<double> normal;
  std::uniform_real_distribution<double> even;
  int held = 0;
  int answered = 0;
  for (int i = 0; i < 4000; ++i) {
    const double power_w = 0.2 + 20 * even(random);
    const int lines = 2 + static_cast<int>(random() % 10);
    const double true_j = power_w * 2 * lines;
    const double share = 0.1 + 0.9 * even(random);
    const double edge_j = 0.02;  // err_uj of an interval is of two edges
    const double start_j = 1000 * even(random);
    const auto told = [&](double joules) { return static_cast<int64_t>(joules * 10) * 100'000; };
    MeasuredRuns measured = Measured(lines, 1'000);
    measured.before.active_uj = told(start_j + edge_j / 1.96 * normal(random));
    measured.intervals.back().active_uj = told(start_j + true_j + edge_j / 1.96 * normal(random));
    measured.intervals.front().err_uj = static_cast<int64_t>(edge_j * 1.414 * 1e6);
    measured.intervals.back().err_uj = static_cast<int64_t>(edge_j * 1.414 * 1e6);
    const double guest_s = lines * 1.5;
    measured.guest_err_ns = 30'000'000;
    measured.command_ns = static_cast<int64_t>(share * guest_s * 1e9);
    measured.guest_ns = static_cast<int64_t>((guest_s + 0.03 / 1.96 * normal(random)) * 1e9);
    const JoulesPerRun result = ComputeJoulesPerRun(measured);
    if (!result.why_not.empty()) continue;
    ++answered;
    if (std::abs(result.joules - true_j * share / 10) <= result.half_width) ++held;
  }
  EXPECT_GT(answered, 3000);
  EXPECT_GT(static_cast<double>(held) / answered, 0.94);
}

}  // namespace
}  // namespace vrapl
