#include "powercap/powercap_reader.h"

#include <sys/fsuid.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string>
#include <thread>

#include "tests/fakes/host_builder.h"
#include "tests/fakes/simulated_clock.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

constexpr int64_t kMaxEsu14 = 262'143'328'850;
constexpr int64_t kMaxDram = 65'712'999'613;

std::vector<DomainId> DomainsOf(const EnergySource& source) {
  std::vector<DomainId> ids;
  for (const DomainInfo& domain : source.package().domains) ids.push_back(domain.id);
  return ids;
}

class PowercapReaderTest : public testing::Test {
 protected:
  auto Open(const HostBuilder& host) { return OpenPowercapSources(host.root(), clock_); }
  static void Set(HostBuilder& host, const std::string& zone, uint64_t energy_uj) {
    // A shorter text than before must not leave old digits: Write() truncates, as sysfs does.
    host.Write(host.ZoneFile(zone, "energy_uj").substr(host.root().prefix().size()), std::to_string(energy_uj) + "\n");
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

struct WrapCase {
  uint64_t max_uj;
  uint64_t unit_uj;
};

// The kernel's max_energy_range_uj for each unit, and one unit in whole microjoules.
TEST(ZoneWrapTest, IsTheLargestValueAndOneUnit) {
  for (const WrapCase& wrap :
       {WrapCase{524'286'657'700, 122}, WrapCase{262'143'328'850, 61}, WrapCase{131'069'516'941, 31},
        WrapCase{65'532'610'987, 15}, WrapCase{32'766'305'493, 8}, WrapCase{16'381'005'263, 4},
        WrapCase{65'712'999'613, 15}, WrapCase{137'438'953'440, 32}, WrapCase{4'294'967'295'000'000, 1'000'000},
        WrapCase{262'143'999'938, 61}}) {  // the exact unit of Linux 3.16
    EXPECT_EQ(ZoneWrapMicrojoules(wrap.max_uj), wrap.max_uj + wrap.unit_uj) << wrap.max_uj;
  }
  EXPECT_EQ(ZoneWrapMicrojoules(100), 101u) << "never a modulus that equals the largest value";
}

TEST_F(PowercapReaderTest, ReadsTwoPackagesWithPsysBetweenThem) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x8F);
  host.AddCpu({.cpu = 0, .package = 0}).AddCpu({.cpu = 1, .package = 1});
  host.AddZone({.id = "intel-rapl:0", .name = "package-0", .energy_uj = 1000});
  host.AddZone({.id = "intel-rapl:0:0", .name = "dram", .energy_uj = 500});
  host.AddZone({.id = "intel-rapl:1", .name = "psys", .energy_uj = 2'000'000, .enabled = 0});  // counts all the same
  host.AddZone({.id = "intel-rapl:2", .name = "package-1", .energy_uj = 9000});
  const auto sources = Open(host);
  ASSERT_THAT(sources, IsOkAndHolds(SizeIs(2)));
  EnergySource& first = *(*sources)[0];
  EnergySource& second = *(*sources)[1];
  EXPECT_EQ(first.backend(), "sysfs");
  EXPECT_THAT(DomainsOf(first),
              ElementsAre(DomainId{RaplDomain::kPackage}, DomainId{RaplDomain::kDram}, DomainId{RaplDomain::kPsys}));
  EXPECT_THAT(DomainsOf(second), ElementsAre(DomainId{RaplDomain::kPackage}));
  EXPECT_EQ(second.package().package_id, 1);
  EXPECT_EQ(second.package().reader_cpu, 1);
  EXPECT_THAT(second.package().cpus, ElementsAre(1));
  EXPECT_EQ(first.package().domains[0].unit.joules_per_tick, 1e-6);

  Set(host, "intel-rapl:0", 1061);
  Set(host, "intel-rapl:0:0", 530);
  Set(host, "intel-rapl:1", 3'000'000);
  Read(first);
  EXPECT_EQ(sample_->ticks[0], 61u);
  EXPECT_EQ(sample_->ticks[1], 30u);
  EXPECT_EQ(sample_->ticks[2], 1'000'000u);
  EXPECT_EQ(Read(second).ticks[0], 0u);
}

// Without psys the second number is the second package, however many tools take intel-rapl:1 for psys. The host's
// energy is the sum of both, each wrapped around for itself.
TEST_F(PowercapReaderTest, WithoutPsysTheSecondZoneIsThePackage) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x55);
  host.AddCpu({.cpu = 0, .package = 0}).AddCpu({.cpu = 1, .package = 1});
  host.AddZone({.id = "intel-rapl:0", .name = "package-0", .energy_uj = kMaxEsu14 - 100});
  host.AddZone({.id = "intel-rapl:1", .name = "package-1", .energy_uj = 5000});
  const auto sources = Open(host);
  ASSERT_THAT(sources, IsOkAndHolds(SizeIs(2)));
  EXPECT_THAT(DomainsOf(*(*sources)[1]), ElementsAre(DomainId{RaplDomain::kPackage}));
  Set(host, "intel-rapl:0", 39);
  Set(host, "intel-rapl:1", 5300);
  EXPECT_EQ(Read(*(*sources)[0]).ticks[0], 200u);
  EXPECT_EQ(Read(*(*sources)[1]).ticks[0], 300u);
}

// Each zone has a range of its own, and the largest value is not the modulus.
TEST_F(PowercapReaderTest, EachZoneWrapsAtItsOwnRange) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x55);
  host.AddCpu({.cpu = 0});
  host.AddZone({.id = "intel-rapl:0", .name = "package-0", .energy_uj = kMaxEsu14 - 10});
  host.AddZone({.id = "intel-rapl:0:0", .name = "dram", .energy_uj = kMaxDram - 10, .max_energy_range_uj = kMaxDram});
  const auto sources = Open(host);
  ASSERT_THAT(sources, IsOk());
  EnergySource& source = *sources->front();
  EXPECT_EQ(source.package().domains[0].wrap_ticks, uint64_t{kMaxEsu14} + 61);
  Set(host, "intel-rapl:0", 5);
  Set(host, "intel-rapl:0:0", 5);
  Read(source);
  EXPECT_EQ(sample_->error[0], 0);
  EXPECT_EQ(sample_->ticks[0], 10u + 61 + 5);
  EXPECT_EQ(sample_->ticks[1], 10u + 15 + 5);
  EXPECT_EQ(Read(source).ticks[0], 10u + 61 + 5) << "equal readings are no energy";
}

TEST_F(PowercapReaderTest, DiesAreReadApartOnIntel) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x55);
  host.AddCpu({.cpu = 0, .die = 0}).AddCpu({.cpu = 1, .die = 1});
  host.AddZone({.id = "intel-rapl:0", .name = "package-0-die-0"});
  host.AddZone({.id = "intel-rapl:1", .name = "package-0-die-1"}).AddZone({.id = "intel-rapl:1:0", .name = "dram"});
  host.AddZone({.id = "intel-rapl:2", .name = "psys"});
  const auto sources = Open(host);
  ASSERT_THAT(sources, IsOkAndHolds(SizeIs(2)));
  EXPECT_THAT((*sources)[0]->package().cpus, ElementsAre(0));
  EXPECT_THAT(DomainsOf(*(*sources)[0]), ElementsAre(DomainId{RaplDomain::kPackage}, DomainId{RaplDomain::kPsys}));
  EXPECT_EQ((*sources)[1]->package().die_id, 1);
  EXPECT_THAT((*sources)[1]->package().cpus, ElementsAre(1));
  EXPECT_THAT(DomainsOf(*(*sources)[1]), ElementsAre(DomainId{RaplDomain::kPackage}, DomainId{RaplDomain::kDram}));
}

// A kernel without dies in its names: one zone, and all CPUs of the package.
TEST_F(PowercapReaderTest, APackageZoneCoversAllDies) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x55);
  host.AddCpu({.cpu = 0, .die = 1}).AddCpu({.cpu = 1, .die = 0}).AddCpu({.cpu = 2, .die = 1, .core = 1});
  host.AddZone({.id = "intel-rapl:0", .name = "package-0"});
  const auto sources = Open(host);
  ASSERT_THAT(sources, IsOkAndHolds(SizeIs(1)));
  EXPECT_THAT((*sources)[0]->package().cpus, ElementsAre(0, 1, 2));
  EXPECT_EQ((*sources)[0]->package().reader_cpu, 0);
}

// Threadripper 1950X on older kernels: two zones, one counter. 68 W twice is not 137 W.
TEST_F(PowercapReaderTest, DiesOfAnAmdSocketAreOneCounter) {
  HostBuilder host(CpuVendor::kAmd, 0x17, 0x01);
  host.AddCpu({.cpu = 0, .die = 0, .core = 3}).AddCpu({.cpu = 1, .die = 1, .core = 8});
  host.AddZone({.id = "intel-rapl:0", .name = "package-0-die-0"}).AddZone({.id = "intel-rapl:0:0", .name = "core"});
  host.AddZone({.id = "intel-rapl:1", .name = "package-0-die-1"}).AddZone({.id = "intel-rapl:1:0", .name = "core"});
  const auto sources = Open(host);
  ASSERT_THAT(sources, IsOkAndHolds(SizeIs(1)));
  EXPECT_THAT((*sources)[0]->package().cpus, ElementsAre(0, 1));
  // And "core" is one core, that of the first CPU; "all cores" would be wrong by their number.
  EXPECT_THAT(DomainsOf(*(*sources)[0]), ElementsAre(DomainId{RaplDomain::kPackage}, DomainId{RaplDomain::kCore, 3}));
}

TEST_F(PowercapReaderTest, OnIntelCoreIsAllCores) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x9E);
  host.AddCpu({.cpu = 0});
  host.AddZone({.id = "intel-rapl:0", .name = "package-0"}).AddZone({.id = "intel-rapl:0:0", .name = "uncore"});
  host.AddZone({.id = "intel-rapl:0:1", .name = "core"});
  const auto sources = Open(host);
  ASSERT_THAT(sources, IsOk());
  EXPECT_THAT(DomainsOf(*sources->front()),
              ElementsAre(DomainId{RaplDomain::kPackage}, DomainId{RaplDomain::kCores}, DomainId{RaplDomain::kUncore}));
}

TEST_F(PowercapReaderTest, AZoneWithoutRangeIsRefused) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x9E);
  host.AddCpu({.cpu = 0});
  host.AddZone({.id = "intel-rapl:0", .name = "package-0"}).AddZone({.id = "intel-rapl:0:0", .name = "core"});
  host.Remove("/sys/devices/virtual/powercap/intel-rapl/intel-rapl:0/intel-rapl:0:0/max_energy_range_uj");
  auto sources = Open(host);
  ASSERT_THAT(sources, IsOk());
  EXPECT_THAT(DomainsOf(*sources->front()), ElementsAre(DomainId{RaplDomain::kPackage}));
  const auto probe = ProbePowercap(host.root());
  ASSERT_THAT(probe, IsOk());
  ASSERT_THAT(probe->front().domains, SizeIs(2));
  EXPECT_FALSE(probe->front().domains[1].present);
  EXPECT_THAT(probe->front().domains[1].why, HasSubstr("max_energy_range_uj"));

  host.Write("/sys/devices/virtual/powercap/intel-rapl/intel-rapl:0/max_energy_range_uj", "0\n");
  EXPECT_THAT(Open(host), StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("no package energy")));
}

// Half the energy of a host would look like all of it.
TEST_F(PowercapReaderTest, APackageWithoutZoneIsNotLeftOut) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x55);
  host.AddCpu({.cpu = 0, .package = 0}).AddCpu({.cpu = 1, .package = 1});
  host.AddZone({.id = "intel-rapl:0", .name = "package-0"});
  EXPECT_THAT(Open(host),
              StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("package 1 die 0 has no powercap zone")));
}

TEST_F(PowercapReaderTest, AZoneOfNoOnlineCpuIsAnError) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x55);
  host.AddCpu({.cpu = 0, .package = 0});
  host.AddZone({.id = "intel-rapl:0", .name = "package-0"}).AddZone({.id = "intel-rapl:1", .name = "package-4"});
  EXPECT_THAT(Open(host), StatusIs(absl::StatusCode::kNotFound, HasSubstr("package 4")));
}

TEST_F(PowercapReaderTest, AFailedReadIsAnErrorAndNeverAZero) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x9E);
  host.AddCpu({.cpu = 0});
  host.AddZone({.id = "intel-rapl:0", .name = "package-0", .energy_uj = 1000});
  const auto sources = Open(host);
  ASSERT_THAT(sources, IsOk());
  EnergySource& source = *sources->front();
  Set(host, "intel-rapl:0", 1010);
  EXPECT_EQ(Read(source).ticks[0], 10u);
  for (const char* text : {"", "\n", "-1\n", "12 34\n", "99999999999999999999999\n"}) {
    host.Write("/sys/devices/virtual/powercap/intel-rapl/intel-rapl:0/energy_uj", text);
    EXPECT_EQ(Read(source).error[0], EBADMSG) << text;
    EXPECT_EQ(sample_->ticks[0], 10u);
  }
  Set(host, "intel-rapl:0", 1030);
  EXPECT_EQ(Read(source).error[0], 0);
  EXPECT_EQ(sample_->ticks[0], 30u);
}

// As somebody who is not root. A thread of its own, because setfsuid() is the thread's.
TEST_F(PowercapReaderTest, PermissionDeniedNamesTheRemedy) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x9E);
  host.AddCpu({.cpu = 0});
  host.AddZone({.id = "intel-rapl:0", .name = "package-0"});
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become somebody who may not read its files";
  absl::Status status;
  std::thread([&] {
    ::setfsuid(65534);
    status = Open(host).status();
  }).join();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kPermissionDenied,
                               AllOf(HasSubstr("energy_uj"), HasSubstr("run as root"), HasSubstr("CVE-2020-8694"))));
}

}  // namespace
}  // namespace vrapl
