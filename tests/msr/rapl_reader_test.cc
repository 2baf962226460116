#include "msr/rapl_reader.h"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <thread>
#include <utility>

#include "base/check_moving.h"
#include "msr/msr_device.h"
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
using testing::SizeIs;

constexpr uint64_t kRawEsu14 = 0x000A0E03;
constexpr uint64_t kRawAmd = 0x000A1000;
constexpr double kEsu14 = 1.0 / (1 << 14);
constexpr double kEsu16 = 1.0 / (1 << 16);

std::vector<DomainId> DomainsOf(const EnergySource& source) {
  std::vector<DomainId> ids;
  for (const DomainInfo& domain : source.package().domains) ids.push_back(domain.id);
  return ids;
}

class RaplReaderTest : public testing::Test {
 protected:
  void SetUp() override { VRAPL_NEEDS("fuse"); }

  absl::StatusOr<std::vector<std::unique_ptr<EnergySource>>> Open(const HostBuilder& host, bool per_core = false) {
    return OpenMsrSources(host.root(), {.per_core = per_core, .clock = &clock_});
  }
  // What the next millisecond's read gives.
  const EnergySample& Read(EnergySource& source) {
    clock_.Advance(kNanosPerMilli);
    source.Read(*sample_);
    return *sample_;
  }

  SimulatedClock clock_;
  std::unique_ptr<EnergySample> sample_ = std::make_unique<EnergySample>();
};

TEST_F(RaplReaderTest, ReadsEveryDomainOfASkylakeServer) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x55);
  host.AddCpu({.cpu = 0});
  FuseMsr msr(host, {0});
  msr.Set(0, kMsrRaplPowerUnit, kRawEsu14);
  msr.Set(0, kMsrPkgEnergyStatus, 1000);
  msr.Set(0, kMsrDramEnergyStatus, 500);
  const auto sources = Open(host);
  ASSERT_THAT(sources, IsOkAndHolds(SizeIs(1)));
  EnergySource& source = *sources->front();
  EXPECT_EQ(source.backend(), "msr");
  EXPECT_THAT(DomainsOf(source), ElementsAre(DomainId{RaplDomain::kPackage}, DomainId{RaplDomain::kDram}));
  EXPECT_EQ(source.package().domains[0].unit.joules_per_tick, kEsu14);
  EXPECT_EQ(source.package().domains[1].unit.joules_per_tick, kEsu16) << "DRAM has a unit of its own";

  EXPECT_EQ(Read(source).ticks[0], 0u) << "counted from the source's creation";
  msr.Set(0, kMsrPkgEnergyStatus, 1007);
  msr.Set(0, kMsrDramEnergyStatus, 502);
  const EnergySample& sample = Read(source);
  EXPECT_EQ(sample.ticks[0], 7u);
  EXPECT_EQ(sample.ticks[1], 2u);
  EXPECT_EQ(sample.error[0], 0);
  EXPECT_LE(sample.before_ns, sample.after_ns);
}

// 0x610 and 0x612 are registers too: in a byte-addressed file they would overlap 0x611.
TEST_F(RaplReaderTest, AnOffsetIsARegister) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x55);
  host.AddCpu({.cpu = 0});
  FuseMsr msr(host, {0});
  msr.Set(0, kMsrRaplPowerUnit, kRawEsu14);
  msr.Set(0, 0x610, ~uint64_t{0});
  msr.Set(0, kMsrPkgEnergyStatus, 1);
  msr.Set(0, 0x612, ~uint64_t{0});
  const auto sources = Open(host);
  ASSERT_THAT(sources, IsOk());
  msr.Set(0, kMsrPkgEnergyStatus, 3);
  EXPECT_EQ(Read(*sources->front()).ticks[0], 2u);
}

// 0xC0010299 as a 32-bit offset is negative; 0xC001029A, one byte before the package's register, is the core's.
TEST_F(RaplReaderTest, AmdRegistersNeedA64BitOffset) {
  HostBuilder host(CpuVendor::kAmd, 0x19, 0x01);
  host.AddCpu({.cpu = 0});
  FuseMsr msr(host, {0});
  msr.Set(0, kAmdRaplPowerUnit, kRawAmd);
  msr.Set(0, kAmdCoreEnergyStatus, 0x1111'1111);
  msr.Set(0, kAmdPkgEnergyStatus, 0xFFFF'FFF0);
  const auto sources = Open(host);
  ASSERT_THAT(sources, IsOk());
  EnergySource& source = *sources->front();
  EXPECT_THAT(DomainsOf(source), ElementsAre(DomainId{RaplDomain::kPackage}));
  EXPECT_EQ(source.package().domains[0].unit.joules_per_tick, kEsu16);
  msr.Set(0, kAmdPkgEnergyStatus, 0x10);
  EXPECT_EQ(Read(source).ticks[0], 0x20u) << "across the wraparound";
}

// Sapphire Rapids leaves something in the reserved half.
TEST_F(RaplReaderTest, TheHighHalfIsIgnored) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x8F);
  host.AddCpu({.cpu = 0});
  FuseMsr msr(host, {0});
  msr.Set(0, kMsrRaplPowerUnit, kRawEsu14);
  msr.Set(0, kMsrPkgEnergyStatus, 0xDEAD'BEEF'FFFF'FFFF);
  msr.Set(0, kMsrDramEnergyStatus, 0xDEAD'BEEF'0000'0000);
  msr.Set(0, kMsrPlatformEnergyStatus, 0x0000'0001'0000'0007);
  const auto sources = Open(host);
  ASSERT_THAT(sources, IsOk());
  EnergySource& source = *sources->front();
  EXPECT_THAT(DomainsOf(source), ElementsAre(DomainId{RaplDomain::kPackage}, DomainId{RaplDomain::kPsys}))
      << "a DRAM register whose low half is 0 counts nothing";
  EXPECT_EQ(source.package().domains[1].unit.joules_per_tick, 1.0);
  msr.Set(0, kMsrPkgEnergyStatus, 0xFEED'FACE'0000'0000);
  msr.Set(0, kMsrPlatformEnergyStatus, 0x0000'0002'0000'0008);
  const EnergySample& sample = Read(source);
  EXPECT_EQ(sample.ticks[0], 1u);
  EXPECT_EQ(sample.ticks[1], 1u);
}

// Nothing of a CPU that has no row is read; with a row of an operator's it is read as that row says.
TEST_F(RaplReaderTest, AnUnknownCpuNeedsARow) {
  HostBuilder host(CpuVendor::kIntel, 6, 0xFF);
  host.AddCpu({.cpu = 0});
  FuseMsr msr(host, {0});
  msr.Set(0, kMsrRaplPowerUnit, kRawEsu14);
  msr.Set(0, kMsrPkgEnergyStatus, 1000);
  msr.Set(0, kMsrDramEnergyStatus, 500);
  EXPECT_THAT(Open(host), StatusIs(absl::StatusCode::kUnimplemented,
                                   AllOf(HasSubstr("no row 06_FF"), HasSubstr("GenuineIntel"), HasSubstr("perf"),
                                         HasSubstr("sysfs"), HasSubstr("--cpu-table=FILE"))));
  const absl::StatusOr<CpuTable> table = CpuTable::WithRows(
      R"({"vrapl_cpu_table": 1, "rows": [{"vendor": "intel", "family": 6, "model": "0xff", "name": "Example Lake",
          "domains": ["package", "dram"], "unit_rule": "power-of-two", "dram_unit_uj": 15.2587890625,
          "source": "this test"}]})",
      "my.json");
  ASSERT_THAT(table, IsOk());
  const auto sources = OpenMsrSources(host.root(), {.clock = &clock_, .cpu_table = *table});
  ASSERT_THAT(sources, IsOkAndHolds(SizeIs(1)));
  const PackageInfo& package = (*sources)[0]->package();
  ASSERT_THAT(package.domains, SizeIs(2));
  EXPECT_EQ(package.domains[0].unit.joules_per_tick, kEsu14);
  EXPECT_EQ(package.domains[1].unit.joules_per_tick, kEsu16);
  const absl::StatusOr<MsrProbe> probe = ProbeMsr(host.root(), {.clock = &clock_, .cpu_table = *table});
  ASSERT_THAT(probe, IsOk());
  EXPECT_EQ(probe->cpu_table, "my.json row 06_FF");
}

TEST_F(RaplReaderTest, TwoPackagesAreTwoSources) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x8F);
  host.AddCpu({.cpu = 0, .package = 0}).AddCpu({.cpu = 1, .package = 1});
  FuseMsr msr(host, {0, 1});
  for (const int cpu : {0, 1}) {
    msr.Set(cpu, kMsrRaplPowerUnit, kRawEsu14);
    msr.Set(cpu, kMsrPkgEnergyStatus, 100);
    msr.Set(cpu, kMsrPlatformEnergyStatus, cpu == 1 ? 5 : 0);
  }
  const auto sources = Open(host);
  ASSERT_THAT(sources, IsOkAndHolds(SizeIs(2)));
  EXPECT_EQ((*sources)[1]->package().package_id, 1);
  EXPECT_EQ((*sources)[1]->package().reader_cpu, 1);
  EXPECT_THAT((*sources)[1]->package().cpus, ElementsAre(1));
  // psys counts in one package only, not always the first.
  EXPECT_THAT(DomainsOf(*(*sources)[0]), ElementsAre(DomainId{RaplDomain::kPackage}));
  EXPECT_THAT(DomainsOf(*(*sources)[1]), ElementsAre(DomainId{RaplDomain::kPackage}, DomainId{RaplDomain::kPsys}));
  msr.Set(1, kMsrPkgEnergyStatus, 130);
  EXPECT_EQ(Read(*(*sources)[0]).ticks[0], 0u);
  EXPECT_EQ(Read(*(*sources)[1]).ticks[0], 30u);
}

// Cascade Lake-AP: what the first CPU of the socket shows is the energy of its own die alone.
TEST_F(RaplReaderTest, EachDieIsReadOnACpuOfItsOwn) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x55);
  host.AddCpu({.cpu = 0, .die = 0}).AddCpu({.cpu = 1, .die = 1});
  FuseMsr msr(host, {0, 1});
  for (const int cpu : {0, 1}) msr.Set(cpu, kMsrRaplPowerUnit, kRawEsu14);
  msr.Set(0, kMsrPkgEnergyStatus, 1000);
  msr.Set(1, kMsrPkgEnergyStatus, 0xFFFF'FFF0);
  const auto sources = Open(host);
  ASSERT_THAT(sources, IsOkAndHolds(SizeIs(2)));
  EXPECT_EQ((*sources)[1]->package().package_id, 0);
  EXPECT_EQ((*sources)[1]->package().die_id, 1);
  EXPECT_EQ((*sources)[1]->package().reader_cpu, 1);
  msr.Set(0, kMsrPkgEnergyStatus, 1003);
  msr.Set(1, kMsrPkgEnergyStatus, 4);
  EXPECT_EQ(Read(*(*sources)[0]).ticks[0], 3u);
  EXPECT_EQ(Read(*(*sources)[1]).ticks[0], 20u);
}

// 32 uJ a tick: 62500 ticks are 2 J, and the register wraps around at 137 kJ.
TEST_F(RaplReaderTest, ABayTrailCountsInMicrojoules) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x37);
  host.AddCpu({.cpu = 0});
  FuseMsr msr(host, {0});
  msr.Set(0, kMsrRaplPowerUnit, 0x505);
  msr.Set(0, kMsrPkgEnergyStatus, 1'000'000);
  const auto sources = Open(host);
  ASSERT_THAT(sources, IsOk());
  const DomainInfo& package = (*sources)[0]->package().domains[0];
  EXPECT_DOUBLE_EQ((EnergyTicks{package.wrap_ticks} * package.unit).value, 137'438.953472);
  msr.Set(0, kMsrPkgEnergyStatus, 1'062'500);
  clock_.Advance(kNanosPerSecond);
  EXPECT_DOUBLE_EQ((EnergyTicks{Read(*(*sources)[0]).ticks[0]} * package.unit).value, 2.0);
  // 4.5 kJ within a second is no energy of such a CPU, and of no other.
  msr.Set(0, kMsrPkgEnergyStatus, 1'062'500 + 140'625'000);
  clock_.Advance(kNanosPerSecond);
  EXPECT_EQ(Read(*(*sources)[0]).error[0], ERANGE);
}

TEST_F(RaplReaderTest, AmdCoresAreReadOncePerCore) {
  HostBuilder host(CpuVendor::kAmd, 0x17, 0x31);
  host.AddCpu({.cpu = 0, .core = 0})
      .AddCpu({.cpu = 1, .core = 9})
      .AddCpu({.cpu = 2, .core = 0})
      .AddCpu({.cpu = 3, .core = 9});
  FuseMsr msr(host, {0, 1, 2, 3});
  for (const int cpu : {0, 1, 2, 3}) {
    msr.Set(cpu, kAmdRaplPowerUnit, kRawAmd);
    msr.Set(cpu, kAmdPkgEnergyStatus, 1000);
    msr.Set(cpu, kAmdCoreEnergyStatus, 10);
  }
  EXPECT_THAT(DomainsOf(*Open(host)->front()), ElementsAre(DomainId{RaplDomain::kPackage}))
      << "cores only when asked for";
  const auto sources = Open(host, /*per_core=*/true);
  ASSERT_THAT(sources, IsOk());
  EnergySource& source = *sources->front();
  EXPECT_THAT(DomainsOf(source), ElementsAre(DomainId{RaplDomain::kPackage}, DomainId{RaplDomain::kCore, 0},
                                             DomainId{RaplDomain::kCore, 9}));
  msr.Set(1, kAmdCoreEnergyStatus, 15);
  const EnergySample& sample = Read(source);
  EXPECT_EQ(sample.ticks[1], 0u);
  EXPECT_EQ(sample.ticks[2], 5u);
}

TEST_F(RaplReaderTest, ProbeSaysWhyADomainIsAbsent) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x6A);
  host.AddCpu({.cpu = 0});
  FuseMsr msr(host, {0});
  msr.Set(0, kMsrRaplPowerUnit, kRawEsu14);
  msr.Set(0, kMsrPkgEnergyStatus, 77);
  msr.Set(0, kMsrPp0EnergyStatus, 0);  // readable and constant on Ice Lake-SP
  const absl::StatusOr<MsrProbe> probe = ProbeMsr(host.root(), {.clock = &clock_});
  ASSERT_THAT(probe, IsOk());
  EXPECT_EQ(probe->model->name, "Ice Lake-SP");
  ASSERT_THAT(probe->packages, SizeIs(1));
  const PackageProbe& package = probe->packages[0];
  EXPECT_THAT(package.usable, IsOk());
  EXPECT_THAT(package.note, HasSubstr("MSR_RAPL_POWER_UNIT = 0xa0e03"));
  ASSERT_THAT(package.domains, SizeIs(5));
  EXPECT_TRUE(package.domains[0].present);
  EXPECT_EQ(package.domains[0].origin, "MSR_PKG_ENERGY_STATUS (0x611) of CPU 0");
  EXPECT_FALSE(package.domains[1].present);
  EXPECT_THAT(package.domains[1].why, HasSubstr("reads 0"));
  EXPECT_THAT(package.domains[2].why, HasSubstr("no such register"));
}

// Once in 2^32 updates a counter that counts shows 0.
TEST_F(RaplReaderTest, ZeroOnceIsNotAbsent) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x55);
  host.AddCpu({.cpu = 0});
  FuseMsr msr(host, {0});
  msr.Set(0, kMsrRaplPowerUnit, kRawEsu14);
  msr.Set(0, kMsrPkgEnergyStatus, 0);
  clock_.OnSleep([&](int64_t) { msr.Set(0, kMsrPkgEnergyStatus, 3); });
  const auto sources = Open(host);
  ASSERT_THAT(sources, IsOk());
  EXPECT_THAT(DomainsOf(*sources->front()), ElementsAre(DomainId{RaplDomain::kPackage}));
}

TEST_F(RaplReaderTest, WithoutPackageEnergyThereIsNoSource) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x55);
  host.AddCpu({.cpu = 0});
  FuseMsr msr(host, {0});
  msr.Set(0, kMsrRaplPowerUnit, kRawEsu14);
  msr.Set(0, kMsrDramEnergyStatus, 5);
  EXPECT_THAT(Open(host), StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("no package energy")));
  msr.Set(0, kMsrPkgEnergyStatus, 0);
  EXPECT_THAT(Open(host), StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("reads 0")));
}

// One package of two: the host's energy would be half, and look whole.
TEST_F(RaplReaderTest, APackageThatCannotBeReadIsNotLeftOut) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x55);
  host.AddCpu({.cpu = 0, .package = 0}).AddCpu({.cpu = 1, .package = 1});
  FuseMsr msr(host, {0, 1});
  msr.Set(0, kMsrRaplPowerUnit, kRawEsu14);
  msr.Set(0, kMsrPkgEnergyStatus, 5);
  EXPECT_THAT(Open(host), StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("of CPU 1")));
  const absl::StatusOr<MsrProbe> probe = ProbeMsr(host.root(), {.clock = &clock_});
  ASSERT_THAT(probe, IsOk());
  EXPECT_THAT(probe->packages[0].usable, IsOk());
  EXPECT_FALSE(probe->packages[1].usable.ok());
}

// KVM answers the registers with 0, all of them.
TEST_F(RaplReaderTest, AKvmGuestHasNoRapl) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x55, "fpu hypervisor");
  host.AddCpu({.cpu = 0});
  FuseMsr msr(host, {0});
  for (const MsrAddress address : {kMsrRaplPowerUnit, kMsrPkgEnergyStatus, kMsrDramEnergyStatus})
    msr.Set(0, address, 0);
  EXPECT_THAT(Open(host), StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("virtual machine?")));
}

// bhyve answers the unit register as hardware does, and the energies with 0; others with a constant.
TEST_F(RaplReaderTest, ConstantCountersAreRefused) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x55, "fpu hypervisor");
  host.AddCpu({.cpu = 0});
  FuseMsr msr(host, {0});
  msr.Set(0, kMsrRaplPowerUnit, 0x000A1003);
  msr.Set(0, kMsrPkgEnergyStatus, 0);
  EXPECT_THAT(Open(host), StatusIs(absl::StatusCode::kUnimplemented));
  msr.Set(0, kMsrPkgEnergyStatus, 4711);
  const auto sources = Open(host);
  ASSERT_THAT(sources, IsOk());
  EXPECT_THAT(CheckMoving(*sources->front(), clock_),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("MSR_PKG_ENERGY_STATUS (0x611) of CPU 0")));
  clock_.OnSleep([&](int64_t) { msr.Set(0, kMsrPkgEnergyStatus, 4712); });
  EXPECT_THAT(CheckMoving(*sources->front(), clock_), IsOk());
}

TEST_F(RaplReaderTest, AFailedReadIsAnErrorAndNeverAZero) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x55);
  host.AddCpu({.cpu = 0});
  FuseMsr msr(host, {0});
  msr.Set(0, kMsrRaplPowerUnit, kRawEsu14);
  msr.Set(0, kMsrPkgEnergyStatus, 100);
  msr.Set(0, kMsrDramEnergyStatus, 100);
  const auto sources = Open(host);
  ASSERT_THAT(sources, IsOk());
  EnergySource& source = *sources->front();
  msr.Set(0, kMsrPkgEnergyStatus, 110);
  Read(source);
  msr.registers().SetError(0, kMsrPkgEnergyStatus, EIO);
  msr.Set(0, kMsrDramEnergyStatus, 104);
  Read(source);
  EXPECT_EQ(sample_->error[0], EIO);
  EXPECT_EQ(sample_->ticks[0], 10u) << "the total stays";
  EXPECT_EQ(sample_->error[1], 0) << "the other domain is read all the same";
  EXPECT_EQ(sample_->ticks[1], 4u);
  msr.Set(0, kMsrPkgEnergyStatus, 125);
  Read(source);
  EXPECT_EQ(sample_->error[0], 0);
  EXPECT_EQ(sample_->ticks[0], 25u) << "nothing is lost";
}

TEST_F(RaplReaderTest, AGlitchIsCountedAsAnErrorNotAsEnergy) {
  HostBuilder host(CpuVendor::kAmd, 0x19, 0x74);
  host.AddCpu({.cpu = 0});
  FuseMsr msr(host, {0});
  msr.Set(0, kAmdRaplPowerUnit, kRawAmd);
  msr.Set(0, kAmdPkgEnergyStatus, 0x9000'0000);
  const auto sources = Open(host);
  ASSERT_THAT(sources, IsOk());
  msr.Set(0, kAmdPkgEnergyStatus, 0x9000'0000 - (700 << 16));
  EXPECT_EQ(Read(*sources->front()).error[0], ERANGE);
  EXPECT_EQ(sample_->ticks[0], 0u);
  msr.Set(0, kAmdPkgEnergyStatus, 0x9000'0100);
  EXPECT_EQ(Read(*sources->front()).error[0], 0);
  EXPECT_EQ(sample_->ticks[0], 0x100u);
}

// A 64-bit AMD counter gives the same as its low half.
TEST_F(RaplReaderTest, A64BitCounterCountsLikeA32BitOne) {
  HostBuilder host(CpuVendor::kAmd, 0x19, 0x11);
  host.AddCpu({.cpu = 0});
  FuseMsr msr(host, {0});
  msr.Set(0, kAmdRaplPowerUnit, kRawAmd);
  msr.Set(0, kAmdPkgEnergyStatus, 0x7'FFFF'FFFE);
  const auto sources = Open(host);
  ASSERT_THAT(sources, IsOk());
  msr.Set(0, kAmdPkgEnergyStatus, 0x8'0000'0003);
  EXPECT_EQ(Read(*sources->front()).ticks[0], 5u);
}

TEST_F(RaplReaderTest, GoesOnWithAnotherCpuOfThePackage) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x55);
  host.AddCpu({.cpu = 0, .core = 0}).AddCpu({.cpu = 1, .core = 1}).AddCpu({.cpu = 2, .core = 2});
  FuseMsr msr(host, {0, 1, 2});
  const auto set_package = [&](uint64_t value) {
    for (const int cpu : {0, 1, 2}) msr.Set(cpu, kMsrPkgEnergyStatus, value);
  };
  for (const int cpu : {0, 1, 2}) msr.Set(cpu, kMsrRaplPowerUnit, kRawEsu14);
  set_package(100);
  const auto sources = Open(host);
  ASSERT_THAT(sources, IsOk());
  EnergySource& source = *sources->front();
  set_package(110);
  Read(source);
  EXPECT_EQ(source.package().reader_cpu, 0);

  msr.registers().SetOnline(0, false);
  set_package(120);
  EXPECT_EQ(Read(source).error[0], 0);
  EXPECT_EQ(sample_->ticks[0], 20u);
  EXPECT_EQ(source.package().reader_cpu, 1);

  for (const int cpu : {1, 2}) msr.registers().SetOnline(cpu, false);
  set_package(130);
  EXPECT_EQ(Read(source).error[0], ENXIO) << "the whole package is offline";
  EXPECT_EQ(sample_->ticks[0], 20u);

  msr.registers().SetOnline(2, true);
  int reads = 1;
  while (Read(source).error[0] != 0 && reads < 3) ++reads;
  EXPECT_LE(reads, 3) << "each CPU has its turn";
  EXPECT_EQ(sample_->ticks[0], 30u);
  EXPECT_EQ(source.package().reader_cpu, 2);
}

// Offline at the start, so that nobody knew of it; then the only one.
TEST_F(RaplReaderTest, ACpuThatCameOnlineLaterTakesOverToo) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x55);
  host.AddCpu({.cpu = 0, .core = 0}).AddCpu({.cpu = 1, .core = 1, .online = false});
  FuseMsr msr(host, {0, 1});
  for (const int cpu : {0, 1}) {
    msr.Set(cpu, kMsrRaplPowerUnit, kRawEsu14);
    msr.Set(cpu, kMsrPkgEnergyStatus, 100);
  }
  const auto sources = Open(host);
  ASSERT_THAT(sources, IsOk());
  EnergySource& source = *sources->front();
  EXPECT_THAT(source.package().cpus, ElementsAre(0));
  source.CoverCpus({0, 1});
  msr.registers().SetOnline(0, false);
  for (const int cpu : {0, 1}) msr.Set(cpu, kMsrPkgEnergyStatus, 150);
  int reads = 1;
  while (Read(source).error[0] != 0 && reads < 3) ++reads;
  EXPECT_EQ(sample_->error[0], 0);
  EXPECT_EQ(sample_->ticks[0], 50u) << "the counter is the package's: the total goes on";
  EXPECT_EQ(source.package().reader_cpu, 1);
}

TEST_F(RaplReaderTest, UnlistedModelsAreRefusedByName) {
  const HostBuilder host(CpuVendor::kIntel, 6, 0xFE);
  EXPECT_THAT(Open(host), StatusIs(absl::StatusCode::kUnimplemented,
                                   AllOf(HasSubstr("GenuineIntel family 6 model 0xfe"), HasSubstr("--backend=perf"),
                                         HasSubstr("--backend=sysfs"))));
}

// AMD announces RAPL by CPUID: a family that nobody knows yet is taken at its word, and not without it.
TEST_F(RaplReaderTest, LaterAmdFamiliesNeedTheCpuidBit) {
  for (const bool rapl : {false, true}) {
    HostBuilder host(CpuVendor::kAmd, 0x1B, 0x00, rapl ? "fpu rapl" : "fpu");
    host.AddCpu({.cpu = 0});
    FuseMsr msr(host, {0});
    msr.Set(0, kAmdRaplPowerUnit, kRawAmd);
    msr.Set(0, kAmdPkgEnergyStatus, 9);
    EXPECT_EQ(Open(host).ok(), rapl);
  }
}

using MsrDeviceTest = RaplReaderTest;

TEST_F(MsrDeviceTest, ErrorsNameTheRemedy) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x55);
  FuseMsr msr(host, {0, 1});
  msr.registers().SetOnline(1, false);
  EXPECT_THAT(MsrDevice::Open(host.root(), 7), StatusIs(absl::StatusCode::kNotFound, HasSubstr("modprobe msr")));
  EXPECT_THAT(MsrDevice::Open(host.root(), 1), StatusIs(absl::StatusCode::kNotFound, HasSubstr("offline")));
  const absl::StatusOr<MsrDevice> device = MsrDevice::Open(host.root(), 0);
  ASSERT_THAT(device, IsOk());
  EXPECT_THAT(device->Read(kMsrPp1EnergyStatus),
              StatusIs(absl::StatusCode::kUnimplemented, AllOf(HasSubstr("0x641"), HasSubstr("no such register"))));
}

// Needs a thread of its own: capabilities belong to a thread.
TEST_F(MsrDeviceTest, WithoutTheCapabilityItIsNamed) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x55);
  FuseMsr msr(host, {0});
  absl::Status status;
  std::thread([&] {
    __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    __user_cap_data_struct data[2];
    ASSERT_EQ(::syscall(SYS_capget, &header, data), 0);
    data[0].effective &= ~(1U << CAP_SYS_RAWIO);
    ASSERT_EQ(::syscall(SYS_capset, &header, data), 0);
    status = MsrDevice::Open(host.root(), 0).status();
  }).join();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("CAP_SYS_RAWIO")));
}

}  // namespace
}  // namespace vrapl
