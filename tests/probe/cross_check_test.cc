#include "probe/cross_check.h"

#include <gmock/gmock.h>

#include <cmath>
#include <memory>
#include <utility>

#include "probe/cross_check_text.h"
#include "tests/fakes/simulated_clock.h"

namespace vrapl {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr int64_t kReadNs = 5'000;
constexpr double kExactUnit = 1.0 / 16384;
constexpr double kDramUnit = 1.0 / 65536;
// What powercap shows of a register in that unit: microjoules, and the range that follows from whole nanojoules.
constexpr uint64_t PowercapRange(uint64_t unit_nj) { return 4294967295 * unit_nj / 1000 + unit_nj / 1000; }

struct FakeDomain {
  DomainId id;
  double watts = 0;
  EnergyUnit unit{kExactUnit};
  uint64_t wrap_ticks = uint64_t{1} << 32;
  double counted_joules_per_joule = 1;  // 2: each joule is counted twice
  int64_t fails_until_ns = 0;
};

// Counters that are updated each millisecond, all at the same instants; each read takes some of the simulated time.
class FakeSource final : public EnergySource {
 public:
  FakeSource(SimulatedClock& clock, std::string name, int package, std::vector<FakeDomain> domains)
      : clock_(clock), name_(std::move(name)), domains_(std::move(domains)) {
    package_.package_id = package;
    for (const FakeDomain& domain : domains_) {
      package_.domains.push_back(
          {.id = domain.id, .unit = domain.unit, .wrap_ticks = domain.wrap_ticks, .origin = name_});
    }
  }
  absl::string_view backend() const override { return name_; }
  const PackageInfo& package() const override { return package_; }
  void StartAnew() override {}
  void Read(EnergySample& sample) override {
    sample.before_ns = clock_.NowNs();
    clock_.Advance(kReadNs);
    for (size_t i = 0; i < domains_.size(); ++i) {
      const FakeDomain& domain = domains_[i];
      const int64_t updated_ns = clock_.NowNs() / kNanosPerMilli * kNanosPerMilli;
      const double joules = domain.watts * static_cast<double>(updated_ns) * 1e-9 * domain.counted_joules_per_joule;
      sample.ticks[i] = static_cast<uint64_t>(joules / domain.unit.joules_per_tick);
      sample.error[i] = clock_.NowNs() < domain.fails_until_ns ? 5 : 0;
    }
    sample.after_ns = clock_.NowNs();
  }

 private:
  SimulatedClock& clock_;
  std::string name_;
  std::vector<FakeDomain> domains_;
  PackageInfo package_;
};

class CrossCheckTest : public testing::Test {
 protected:
  void Add(const std::string& source, std::vector<std::vector<FakeDomain>> packages) {
    NamedSources named{.name = source, .packages = {}};
    for (size_t i = 0; i < packages.size(); ++i) {
      named.packages.push_back(std::make_unique<FakeSource>(clock_, source, static_cast<int>(i), packages[i]));
    }
    sources_.push_back(std::move(named));
  }
  CrossCheck Run(const std::map<int, ThermalPower>& thermal_power = {}) {
    return CompareSources(sources_, thermal_power,
                          {.duration = absl::Seconds(2), .clock = &clock_, .on_step = nullptr});
  }

  SimulatedClock clock_;
  std::vector<NamedSources> sources_;
};

const DomainId kPackage{RaplDomain::kPackage};
const DomainId kDram{RaplDomain::kDram};
const EnergyUnit kMicrojoule{1e-6};

TEST_F(CrossCheckTest, EqualCountersAgree) {
  Add("msr", {{{.id = kPackage, .watts = 80}}});
  Add("perf", {{{.id = kPackage, .watts = 80, .unit = {1.0 / 4294967296.0}, .wrap_ticks = UINT64_MAX}}});
  const CrossCheck check = Run();
  ASSERT_EQ(check.domains.size(), 1u);
  EXPECT_NEAR(check.domains[0].readings[0].watts, 80, 0.1);
  EXPECT_NEAR(check.domains[0].readings[0].joules, 160, 0.2);
  ASSERT_EQ(check.domains[0].differences.size(), 1u);
  const CrossDifference& difference = check.domains[0].differences[0];
  EXPECT_LE(std::abs(difference.difference), difference.bound);
  EXPECT_LT(difference.bound, 0.002) << "two updates of 1 ms in 2 s, and what reading took";
  EXPECT_FALSE(check.Flagged());
}

// A12: 15300 nJ against 2^-16 J.
TEST_F(CrossCheckTest, TheKnownDifferenceOfDramHasItsName) {
  const double counted = 15300e-9 / kDramUnit;
  Add("msr", {{{.id = kPackage, .watts = 80}, {.id = kDram, .watts = 12, .unit = {kDramUnit}}}});
  Add("sysfs", {{{.id = kPackage, .watts = 80, .unit = kMicrojoule, .wrap_ticks = PowercapRange(61035)},
                 {.id = kDram,
                  .watts = 12,
                  .unit = kMicrojoule,
                  .wrap_ticks = PowercapRange(15300),
                  .counted_joules_per_joule = counted}}});
  const CrossCheck check = Run();
  const CrossDifference& dram = check.domains[1].differences.at(0);
  EXPECT_NEAR(dram.known, 0.0027, 1e-5);
  EXPECT_NEAR(dram.difference, 0.0027, 0.0012);
  EXPECT_THAT(dram.why, HasSubstr("15300 nJ"));
  EXPECT_FALSE(check.Flagged());
  EXPECT_THAT(ToText(check), AllOf(HasSubstr("+0.270 % is known"), HasSubstr("the sources agree")));
}

TEST_F(CrossCheckTest, ADifferenceWithoutANameIsFlagged) {
  Add("msr", {{{.id = kPackage, .watts = 80}}});
  Add("sysfs", {{{.id = kPackage,
                  .watts = 80,
                  .unit = kMicrojoule,
                  .wrap_ticks = PowercapRange(61035),
                  .counted_joules_per_joule = 1.01}}});
  const CrossCheck check = Run();
  EXPECT_TRUE(check.Flagged());
  EXPECT_THAT(ToText(check), HasSubstr("FLAGGED: neither a known difference"));
}

// A1, A3: DRAM in the wrong one of two units is off by four.
TEST_F(CrossCheckTest, AWrongUnitIsCalledOne) {
  Add("msr", {{{.id = kDram, .watts = 12}}});
  Add("sysfs", {{{.id = kDram,
                  .watts = 12,
                  .unit = kMicrojoule,
                  .wrap_ticks = PowercapRange(61035),
                  .counted_joules_per_joule = 0.25}}});
  EXPECT_THAT(Run().domains[0].differences.at(0).why, AllOf(HasSubstr("2^-2"), HasSubstr("unit")));
}

TEST_F(CrossCheckTest, ACounterThatStandsStillIsStale) {
  Add("msr", {{{.id = kPackage, .watts = 80}}});
  Add("sysfs", {{{.id = kPackage, .watts = 0, .unit = kMicrojoule, .wrap_ticks = PowercapRange(61035)}}});
  const CrossCheck check = Run();
  EXPECT_TRUE(check.Flagged());
  EXPECT_THAT(check.domains[0].differences.at(0).why, AllOf(HasSubstr("sysfs stands still"), HasSubstr("stale")));
}

TEST_F(CrossCheckTest, WhatOnlyOneSourceHasIsShownAndNotCompared) {
  Add("msr", {{{.id = kPackage, .watts = 80}}});
  Add("sysfs", {{{.id = kPackage, .watts = 80, .unit = kMicrojoule, .wrap_ticks = PowercapRange(61035)},
                 {.id = {RaplDomain::kCore, 0}, .watts = 3, .unit = kMicrojoule, .wrap_ticks = PowercapRange(15258)}}});
  const CrossCheck check = Run();
  EXPECT_THAT(check.domains[1].differences, IsEmpty());
  EXPECT_THAT(check.remarks, ElementsAre(Field(&CrossRemark::text, HasSubstr("one core"))));
  EXPECT_FALSE(check.Flagged());
}

// A failed read is no reading: what the others showed meanwhile is not compared with nothing.
TEST_F(CrossCheckTest, ReadsThatFailedAreLeftOutAndTold) {
  Add("msr", {{{.id = kPackage, .watts = 80}}});
  Add("sysfs", {{{.id = kPackage,
                  .watts = 80,
                  .unit = kMicrojoule,
                  .wrap_ticks = PowercapRange(61035),
                  .fails_until_ns = kNanosPerSecond + 50'000'000}}});
  const CrossCheck check = Run();
  EXPECT_THAT(check.remarks, ElementsAre(Field(&CrossRemark::text, HasSubstr("reads failed"))));
  EXPECT_GT(check.domains[0].differences.at(0).bound, 0.025) << "50 ms of 2 s are not known";
  EXPECT_FALSE(check.Flagged());
}

// A19: DRAM of two sockets, equally loaded.
TEST_F(CrossCheckTest, TwoSocketsThatCannotDifferSoMuch) {
  Add("msr", {{{.id = kPackage, .watts = 250}, {.id = kDram, .watts = 200}},
              {{.id = kPackage, .watts = 240}, {.id = kDram, .watts = 6}}});
  const CrossCheck check = Run();
  EXPECT_TRUE(check.Flagged());
  EXPECT_THAT(ToText(check),
              AllOf(HasSubstr("implausible: by msr, package 0 dram uses"), HasSubstr("package 1 dram 6.0 W")));
}

TEST_F(CrossCheckTest, TwoSocketsOfWhichOneIsIdleMayDiffer) {
  Add("msr", {{{.id = kPackage, .watts = 250}, {.id = kDram, .watts = 40}},
              {{.id = kPackage, .watts = 50}, {.id = kDram, .watts = 3}}});
  EXPECT_FALSE(Run().Flagged());
}

// A7: kilowatts from an Atom.
TEST_F(CrossCheckTest, MoreThanTwiceTheTdpIsImplausible) {
  Add("sysfs", {{{.id = kPackage, .watts = 20, .unit = kMicrojoule, .wrap_ticks = PowercapRange(61035)}}});
  EXPECT_TRUE(Run({{0, {.watts = 7.5, .origin = ""}}}).Flagged());
  EXPECT_FALSE(Run({{0, {.watts = 15, .origin = ""}}}).Flagged());
}

TEST_F(CrossCheckTest, PartsCannotUseMoreThanTheWhole) {
  Add("msr", {{{.id = kPackage, .watts = 50},
               {.id = {RaplDomain::kCores}, .watts = 48},
               {.id = {RaplDomain::kUncore}, .watts = 20}}});
  EXPECT_TRUE(Run().Flagged());
}

TEST_F(CrossCheckTest, PsysIsNotToBeAdded) {
  Add("msr", {{{.id = kPackage, .watts = 50}, {.id = {RaplDomain::kPsys}, .watts = 70}}});
  const CrossCheck check = Run();
  EXPECT_FALSE(check.Flagged());
  EXPECT_THAT(ToText(check), HasSubstr("must not be added"));
}

TEST_F(CrossCheckTest, WithoutASourceThereIsNothing) {
  const CrossCheck check = Run();
  EXPECT_THAT(check.domains, IsEmpty());
  EXPECT_THAT(ToText(check), HasSubstr("energy cannot be measured here"));
}

TEST(CrossCheckTextTest, SaysByHowMuchRunTimeDiffers) {
  CrossCheck check;
  check.run_time = RunTimeCheckReport{.seconds = 2, .slice_ns = {.count = 8055, .p99 = 21}, .gaps = 9};
  EXPECT_FALSE(check.Flagged());
  EXPECT_THAT(ToText(check),
              AllOf(HasSubstr("Run time by bpf against the kernel's own account of each thread, for 2.0 s"),
                    HasSubstr("8055"), HasSubstr("21 ns"), HasSubstr("rows and wall time are 0 ns apart"),
                    HasSubstr("9 gaps"), Not(HasSubstr("FLAGGED"))));
}

TEST(CrossCheckTextTest, FlagsRunTimeThatIsOutOfBounds) {
  CrossCheck check;
  check.run_time = RunTimeCheckReport{.switches_different = 7};
  EXPECT_TRUE(check.Flagged());
  EXPECT_THAT(ToText(check), HasSubstr("FLAGGED: 7 switches to or from another thread than the kernel's"));
  check.run_time = RunTimeCheckReport{.thread_unexplained = {.count = 1, .worst = 0.002}};
  EXPECT_TRUE(check.Flagged());
  check.run_time = RunTimeCheckReport{.slice_unexplained_ns = {.count = 1, .p99 = 2500}};
  EXPECT_TRUE(check.Flagged());
  check.run_time = RunTimeCheckReport{.residual_ns = 1};
  EXPECT_TRUE(check.Flagged());
  check.run_time = RunTimeCheckReport{.cpus = 2, .records = 100, .ctxt_least = 150, .ctxt_most = 160};
  EXPECT_TRUE(check.Flagged()) << "fifty switches that nobody knows of";
  check.run_time->unreported_switches = 50;
  EXPECT_FALSE(check.Flagged());
}

}  // namespace
}  // namespace vrapl
