// Which of two sources that are both there a host is read by: msr devices and powercap zones, each right or wrong.
#include <gmock/gmock.h>

#include "sampler/backend.h"
#include "tests/fakes/fuse_msr.h"
#include "tests/fakes/host_builder.h"
#include "tests/fakes/simulated_clock.h"
#include "tests/requirements.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class BackendChoiceTest : public testing::Test {
 protected:
  void SetUp() override { VRAPL_NEEDS("fuse"); }
  SimulatedClock clock_;
};

// Linux 6.9.9 had no powercap zone for it, while its registers counted.
TEST_F(BackendChoiceTest, ACpuThatPowercapDoesNotKnowIsReadByMsr) {
  HostBuilder host(CpuVendor::kAmd, 0x1A, 0x44, "fpu msr rapl");
  host.AddCpu({.cpu = 0});
  FuseMsr msr(host, {0});
  msr.Set(0, kAmdRaplPowerUnit, 0x000A1000);
  msr.Set(0, kAmdPkgEnergyStatus, 1);
  uint64_t ticks = 1;
  clock_.OnSleep([&](int64_t) { msr.Set(0, kAmdPkgEnergyStatus, ticks += 1000); });
  const absl::StatusOr<OpenBackend> backend = OpenEnergySources(Backend::kAuto, host.root(), clock_);
  ASSERT_THAT(backend, IsOk());
  EXPECT_EQ(backend->name, "msr");
  EXPECT_THAT(backend->cpu_table, IsEmpty());
  EXPECT_THAT(OpenEnergySources(Backend::kSysfs, host.root(), clock_), StatusIs(absl::StatusCode::kNotFound));
}

// Registers that answer and do not count must not stand before zones that count.
TEST_F(BackendChoiceTest, ASourceThatReadsZeroOrAConstantHidesNoWorkingOne) {
  for (const uint64_t constant : {uint64_t{0}, uint64_t{4711}}) {
    HostBuilder host(CpuVendor::kIntel, 6, 0x55);
    host.AddCpu({.cpu = 0});
    host.AddZone({.id = "intel-rapl:0", .name = "package-0"});
    FuseMsr msr(host, {0});
    msr.Set(0, kMsrRaplPowerUnit, 0x000A0E03);
    msr.Set(0, kMsrPkgEnergyStatus, constant);
    uint64_t energy_uj = 1'000'000;
    clock_.OnSleep([&](int64_t) {
      host.Write("/sys/devices/virtual/powercap/intel-rapl/intel-rapl:0/energy_uj",
                 std::to_string(energy_uj += 80'000));
    });
    const absl::StatusOr<OpenBackend> backend = OpenEnergySources(Backend::kAuto, host.root(), clock_);
    clock_.OnSleep(nullptr);
    ASSERT_THAT(backend, IsOk());
    EXPECT_EQ(backend->name, "sysfs");
    EXPECT_THAT(backend->passed_over.front(), HasSubstr("msr: "));
  }
}

// A row of an operator's counts for msr, and the run says so; zones need none.
TEST_F(BackendChoiceTest, AnUnknownCpuIsReadByTheOperatorsRowOrByTheKernel) {
  const absl::StatusOr<CpuTable> table = CpuTable::WithRows(
      R"({"vrapl_cpu_table": 1, "rows": [{"vendor": "intel", "family": 6, "model": 255, "name": "New Lake",
          "domains": ["package"], "unit_rule": "power-of-two", "source": "this test"}]})",
      "my.json");
  ASSERT_THAT(table, IsOk());
  HostBuilder host(CpuVendor::kIntel, 6, 0xFF);
  host.AddCpu({.cpu = 0});
  host.AddZone({.id = "intel-rapl:0", .name = "package-0"});
  FuseMsr msr(host, {0});
  msr.Set(0, kMsrRaplPowerUnit, 0x000A0E03);
  msr.Set(0, kMsrPkgEnergyStatus, 5);
  uint64_t energy_uj = 1'000'000;
  clock_.OnSleep([&](int64_t) {
    energy_uj += 80'000;
    host.Write("/sys/devices/virtual/powercap/intel-rapl/intel-rapl:0/energy_uj", std::to_string(energy_uj));
    msr.Set(0, kMsrPkgEnergyStatus, energy_uj);
  });
  const absl::StatusOr<OpenBackend> without = OpenEnergySources(Backend::kAuto, host.root(), clock_);
  ASSERT_THAT(without, IsOk());
  EXPECT_EQ(without->name, "sysfs");
  EXPECT_THAT(without->cpu_table, IsEmpty());
  EXPECT_THAT(without->passed_over.front(), AllOf(HasSubstr("06_FF"), HasSubstr("--cpu-table")));
  const absl::StatusOr<OpenBackend> with =
      OpenEnergySources(Backend::kAuto, host.root(), clock_, {.cpu_table = *table});
  ASSERT_THAT(with, IsOk());
  EXPECT_EQ(with->name, "msr");
  EXPECT_EQ(with->cpu_table, "my.json row 06_FF");
  const absl::StatusOr<OpenBackend> sysfs =
      OpenEnergySources(Backend::kSysfs, host.root(), clock_, {.cpu_table = *table});
  ASSERT_THAT(sysfs, IsOk());
  EXPECT_THAT(sysfs->cpu_table, IsEmpty());
}

}  // namespace
}  // namespace vrapl
