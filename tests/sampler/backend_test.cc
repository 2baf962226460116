// Which source a host is read by, and what is said when there is none.
#include "sampler/backend.h"

#include <gmock/gmock.h>

#include "tests/fakes/hwmon_tree.h"
#include "tests/fakes/pmu_tree.h"
#include "tests/fakes/simulated_clock.h"
#include "tests/perf/scripted_pmu.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

class BackendTest : public testing::Test {
 protected:
  void SetUp() override {
    host_.AddCpu({.cpu = 0});
    host_.AddZone({.id = "intel-rapl:0", .name = "package-0"});
    clock_.OnSleep([this](int64_t) {
      if (moving_) host_.Write(EnergyFile(), std::to_string(energy_uj_ += 80'000));
    });
  }
  static std::string EnergyFile() { return "/sys/devices/virtual/powercap/intel-rapl/intel-rapl:0/energy_uj"; }

  HostBuilder host_{CpuVendor::kIntel, 6, 0x55};
  SimulatedClock clock_;
  bool moving_ = true;
  uint64_t energy_uj_ = 1'000'000;
};

TEST_F(BackendTest, AutoTakesTheFirstUsableAndSaysWhatItPassedOver) {
  const absl::StatusOr<OpenBackend> backend = OpenEnergySources(Backend::kAuto, host_.root(), clock_);
  ASSERT_THAT(backend, IsOk());
  EXPECT_EQ(backend->name, "sysfs");
  EXPECT_THAT(backend->sources, SizeIs(1));
  EXPECT_THAT(backend->passed_over, ElementsAre(AllOf(HasSubstr("msr: "), HasSubstr("modprobe msr")),
                                                AllOf(HasSubstr("perf: "), HasSubstr("running kernel"))));
}

// An ARM host with X-Gene's sensor: the last resort, and nothing of x86 is in its way.
TEST_F(BackendTest, ASensorOfPowerIsTheLastResort) {
  HostBuilder arm(CpuVendor::kOther, 0, 0);
  arm.Write("/proc/cpuinfo", kXGeneCpuinfo);
  for (int cpu = 0; cpu < 2; ++cpu) arm.AddCpu({.cpu = cpu, .package = -1, .core = cpu});
  AddXGene(arm, 0, "20000000", "5000000");
  for (const Backend asked : {Backend::kAuto, Backend::kHwmon}) {
    const absl::StatusOr<OpenBackend> backend = OpenEnergySources(asked, arm.root(), clock_);
    ASSERT_THAT(backend, IsOk());
    EXPECT_EQ(backend->name, "hwmon");
    ASSERT_THAT(backend->sources, SizeIs(1));
    EXPECT_TRUE(backend->sources.front()->package().power_based);
    EXPECT_THAT(backend->passed_over, SizeIs(asked == Backend::kAuto ? 3 : 0));
  }
  EXPECT_THAT(OpenEnergySources(Backend::kMsr, arm.root(), clock_),
              StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("ARM implementer 0x50")));
  AddXGene(arm, 0, "0", "0");
  EXPECT_THAT(OpenEnergySources(Backend::kHwmon, arm.root(), clock_),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("reads 0 W")));
  // Counters come first wherever there are some.
  AddXGene(host_, 0, "20000000", "5000000");
  EXPECT_EQ(OpenEnergySources(Backend::kAuto, host_.root(), clock_)->name, "sysfs");
}

// Rocket Lake, or any CPU that is newer than the kernel's perf driver: zones, and no PMU.
TEST_F(BackendTest, WithoutThePmuItIsSysfs) {
  ScriptedPmu pmu;
  const absl::StatusOr<OpenBackend> backend =
      OpenEnergySources(Backend::kAuto, host_.root(), clock_, {.perf_events = &pmu});
  ASSERT_THAT(backend, IsOk());
  EXPECT_EQ(backend->name, "sysfs");
  EXPECT_THAT(backend->passed_over, ElementsAre(HasSubstr("msr: "), AllOf(HasSubstr("perf: "), HasSubstr("no PMU"),
                                                                          HasSubstr("modprobe rapl"))));
}

// Exact units, one call for all domains: before sysfs. And one package is counted by one source, or it would count
// twice.
TEST_F(BackendTest, ThePmuComesBeforeSysfsAndOnlyOneOfThemCounts) {
  ScriptedPmu pmu;
  AddPmu(host_, {.name = "power", .type = 9, .cpumask = "0", .events = {kEnergyPkg, kEnergyRam}});
  for (const Backend asked : {Backend::kAuto, Backend::kPerf}) {
    const absl::StatusOr<OpenBackend> backend =
        OpenEnergySources(asked, host_.root(), pmu.clock(), {.perf_events = &pmu});
    ASSERT_THAT(backend, IsOk());
    EXPECT_EQ(backend->name, "perf");
    ASSERT_THAT(backend->sources, SizeIs(1));
    EXPECT_EQ(backend->sources.front()->backend(), "perf");
    EXPECT_EQ(backend->sources.front()->package().domains.size(), 2u);
  }
  // Judged by values: a PMU whose package stands still is passed over for zones that move.
  pmu.Hold(0, 2);
  SimulatedClock clock;
  clock.OnSleep([&](int64_t) {
    pmu.Refill();
    host_.Write(EnergyFile(), std::to_string(energy_uj_ += 80'000));
  });
  AddPmu(host_, {.name = "power", .type = 9, .cpumask = "0", .events = {kEnergyPkg}});
  host_.Remove(PmuPath("power", "events/energy-ram"));
  const absl::StatusOr<OpenBackend> backend =
      OpenEnergySources(Backend::kAuto, host_.root(), clock, {.perf_events = &pmu});
  ASSERT_THAT(backend, IsOk());
  EXPECT_EQ(backend->name, "sysfs");
  EXPECT_THAT(backend->passed_over,
              ElementsAre(HasSubstr("msr: "), AllOf(HasSubstr("perf: "), HasSubstr("did not move"))));
}

TEST_F(BackendTest, TheOneThatIsAskedForIsTheOneThatIsOpened) {
  const absl::StatusOr<OpenBackend> sysfs = OpenEnergySources(Backend::kSysfs, host_.root(), clock_);
  ASSERT_THAT(sysfs, IsOk());
  EXPECT_THAT(sysfs->passed_over, SizeIs(0));
  EXPECT_THAT(OpenEnergySources(Backend::kMsr, host_.root(), clock_),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("modprobe msr")));
}

TEST_F(BackendTest, ACounterThatStandsStillIsNoSource) {
  moving_ = false;
  EXPECT_THAT(OpenEnergySources(Backend::kSysfs, host_.root(), clock_),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("did not move")));
  EXPECT_THAT(OpenEnergySources(Backend::kAuto, host_.root(), clock_),
              StatusIs(absl::StatusCode::kUnavailable,
                       AllOf(HasSubstr("msr: "), HasSubstr("perf: "), HasSubstr("sysfs: "), HasSubstr("hwmon: "),
                             HasSubstr("did not move"), HasSubstr("vrapl probe"), Not(HasSubstr("\n")))));
}

TEST_F(BackendTest, AHostWithoutAnythingSaysWhyForEach) {
  HostBuilder bare(CpuVendor::kIntel, 6, 0x55);
  bare.AddCpu({.cpu = 0});
  EXPECT_THAT(
      OpenEnergySources(Backend::kAuto, bare.root(), clock_),
      StatusIs(absl::StatusCode::kUnavailable, AllOf(HasSubstr("msr: "), HasSubstr("perf: "), HasSubstr("sysfs: "),
                                                     HasSubstr("--emulate"), Not(HasSubstr("\n")))));
}

}  // namespace
}  // namespace vrapl
