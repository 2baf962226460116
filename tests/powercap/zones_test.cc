#include "powercap/zones.h"

#include <string>

#include "tests/fakes/host_builder.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

using testing::HasSubstr;
using testing::UnorderedElementsAre;

TEST(ZoneNameTest, ParsesWhatTheDriverNames) {
  EXPECT_EQ(ParseZoneName("package-0"), (ZoneName{RaplDomain::kPackage, 0, -1}));
  EXPECT_EQ(ParseZoneName("package-12"), (ZoneName{RaplDomain::kPackage, 12, -1}));
  EXPECT_EQ(ParseZoneName("package-0-die-1"), (ZoneName{RaplDomain::kPackage, 0, 1}));
  EXPECT_EQ(ParseZoneName("core"), (ZoneName{RaplDomain::kCores, -1, -1}));
  EXPECT_EQ(ParseZoneName("uncore"), (ZoneName{RaplDomain::kUncore, -1, -1}));
  EXPECT_EQ(ParseZoneName("dram"), (ZoneName{RaplDomain::kDram, -1, -1}));
  EXPECT_EQ(ParseZoneName("psys"), (ZoneName{RaplDomain::kPsys, -1, -1}));
  EXPECT_EQ(ParseZoneName("psys-1"), (ZoneName{RaplDomain::kPsys, 1, -1}));
}

TEST(ZoneNameTest, TakesNoOtherName) {
  for (const char* name : {"", "package", "package-", "package-x", "package-0-die", "package-0-die-", "package-0-foo",
                           "package--1", "psys-", "psys-0-die-1", "cores", "Package-0", "dram ", "mmio"}) {
    EXPECT_EQ(ParseZoneName(name), std::nullopt) << '"' << name << '"';
  }
}

// What a test compares: domain, package and die.
std::vector<std::tuple<RaplDomain, int, int>> Summary(const std::vector<Zone>& zones) {
  std::vector<std::tuple<RaplDomain, int, int>> summary;
  for (const Zone& zone : zones) summary.emplace_back(zone.domain, zone.package_id, zone.die_id);
  return summary;
}

auto Is(RaplDomain domain, int package_id, int die_id = -1) { return std::tuple(domain, package_id, die_id); }

// psys takes a number, so that the second package is intel-rapl:2; and children come in any order.
TEST(FindZonesTest, NumbersMeanNothing) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x8F);
  host.AddZone({.id = "intel-rapl:0", .name = "package-1"}).AddZone({.id = "intel-rapl:0:0", .name = "dram"});
  host.AddZone({.id = "intel-rapl:1", .name = "psys-1"});
  host.AddZone({.id = "intel-rapl:2", .name = "package-0"}).AddZone({.id = "intel-rapl:2:0", .name = "core"});
  host.AddZone({.id = "intel-rapl:2:1", .name = "dram"});
  const auto zones = FindZones(host.root());
  ASSERT_THAT(zones, IsOk());
  EXPECT_THAT(Summary(*zones),
              UnorderedElementsAre(Is(RaplDomain::kPackage, 1), Is(RaplDomain::kDram, 1), Is(RaplDomain::kPsys, 1),
                                   Is(RaplDomain::kPackage, 0), Is(RaplDomain::kCores, 0), Is(RaplDomain::kDram, 0)));
}

TEST(FindZonesTest, IdsAreHexadecimal) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x8F);
  host.AddZone({.id = "intel-rapl:a", .name = "package-10"}).AddZone({.id = "intel-rapl:a:0", .name = "dram"});
  host.AddZone({.id = "intel-rapl:10", .name = "package-16"});
  const auto zones = FindZones(host.root());
  ASSERT_THAT(zones, IsOk());
  EXPECT_THAT(Summary(*zones), UnorderedElementsAre(Is(RaplDomain::kPackage, 10), Is(RaplDomain::kDram, 10),
                                                    Is(RaplDomain::kPackage, 16)));
}

TEST(FindZonesTest, DiesOfAPackageAreApart) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x55);
  host.AddZone({.id = "intel-rapl:0", .name = "package-0-die-0"}).AddZone({.id = "intel-rapl:0:0", .name = "dram"});
  host.AddZone({.id = "intel-rapl:1", .name = "package-0-die-1"}).AddZone({.id = "intel-rapl:1:0", .name = "dram"});
  const auto zones = FindZones(host.root());
  ASSERT_THAT(zones, IsOk());
  EXPECT_THAT(Summary(*zones), UnorderedElementsAre(Is(RaplDomain::kPackage, 0, 0), Is(RaplDomain::kDram, 0, 0),
                                                    Is(RaplDomain::kPackage, 0, 1), Is(RaplDomain::kDram, 0, 1)));
}

// intel-rapl-mmio shows the same energy again.
TEST(FindZonesTest, TheMmioZonesAreNotAdded) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x9A);
  host.AddZone({.id = "intel-rapl:0", .name = "package-0"}).AddZone({.id = "intel-rapl-mmio:0", .name = "package-0"});
  host.AddZone({.id = "intel-rapl-mmio:0:0", .name = "dram"});
  const auto zones = FindZones(host.root());
  ASSERT_THAT(zones, IsOk());
  EXPECT_THAT(Summary(*zones), UnorderedElementsAre(Is(RaplDomain::kPackage, 0)));
}

// Only the control type's link, as a container may show it: the children are found inside.
TEST(FindZonesTest, ZonesMayBeNested) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x9A);
  host.AddZone({.id = "intel-rapl:0", .name = "package-0"}).AddZone({.id = "intel-rapl:0:0", .name = "core"});
  host.Remove("/sys/class/powercap/intel-rapl:0").Remove("/sys/class/powercap/intel-rapl:0:0");
  const auto zones = FindZones(host.root());
  ASSERT_THAT(zones, IsOk());
  EXPECT_THAT(Summary(*zones), UnorderedElementsAre(Is(RaplDomain::kPackage, 0), Is(RaplDomain::kCores, 0)));
}

TEST(FindZonesTest, NoZonesIsAMessageNotZero) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x9A);
  EXPECT_THAT(FindZones(host.root()), StatusIs(absl::StatusCode::kNotFound, HasSubstr("modprobe intel_rapl_msr")));
  host.Write("/sys/class/powercap/intel-rapl/enabled", "1\n");  // the driver is there, the zones are hidden
  EXPECT_THAT(FindZones(host.root()), StatusIs(absl::StatusCode::kNotFound, HasSubstr("container")));
}

TEST(FindZonesTest, AChildNeedsAPackage) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x9A);
  host.AddZone({.id = "intel-rapl:0", .name = "dram"});
  EXPECT_THAT(FindZones(host.root()), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("outside any package")));
}

}  // namespace
}  // namespace vrapl
