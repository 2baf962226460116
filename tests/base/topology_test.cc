#include "base/topology.h"

#include "tests/fakes/host_builder.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

// What a test compares: "package.die: cpus" of each.
std::vector<std::pair<std::pair<int, int>, std::vector<int>>> CpusOf(const std::vector<PackageTopology>& packages) {
  std::vector<std::pair<std::pair<int, int>, std::vector<int>>> result;
  for (const PackageTopology& package : packages) {
    result.push_back({{package.package_id, package.die_id}, package.cpus});
  }
  return result;
}

auto Package(int package_id, int die_id, std::vector<int> cpus) {
  return testing::Pair(testing::Pair(package_id, die_id), cpus);
}

TEST(TopologyTest, TwoSocketsWithSmt) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x55);
  host.AddCpu({.cpu = 0, .package = 0, .core = 0}).AddCpu({.cpu = 1, .package = 1, .core = 0});
  host.AddCpu({.cpu = 2, .package = 0, .core = 0}).AddCpu({.cpu = 3, .package = 1, .core = 0});
  const auto packages = ReadTopology(host.root(), CpuVendor::kIntel);
  ASSERT_THAT(packages, IsOk());
  EXPECT_THAT(CpusOf(*packages), ElementsAre(Package(0, 0, {0, 2}), Package(1, 0, {1, 3})));
  EXPECT_EQ((*packages)[1].reader_cpu(), 1);
  ASSERT_THAT((*packages)[1].cores, SizeIs(1));
  EXPECT_THAT((*packages)[1].cores[0].cpus, ElementsAre(1, 3));
}

// Cascade Lake-AP: the dies of one package count apart, so each is read, on a CPU of its own.
TEST(TopologyTest, IntelIsReadPerDie) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x55);
  host.AddCpu({.cpu = 0, .die = 0}).AddCpu({.cpu = 1, .die = 1}).AddCpu({.cpu = 2, .die = 1, .core = 1});
  const auto packages = ReadTopology(host.root(), CpuVendor::kIntel);
  ASSERT_THAT(packages, IsOk());
  EXPECT_THAT(CpusOf(*packages), ElementsAre(Package(0, 0, {0}), Package(0, 1, {1, 2})));
  EXPECT_EQ((*packages)[1].reader_cpu(), 1);
}

// Threadripper 1950X: two dies, one counter. Summing what both show gave 137 W for 68 W.
TEST(TopologyTest, AmdAndHygonAreReadPerSocket) {
  HostBuilder host(CpuVendor::kAmd, 0x17, 0x01);
  host.AddCpu({.cpu = 0, .die = 0}).AddCpu({.cpu = 1, .die = 1}).AddCpu({.cpu = 2, .package = 1, .die = 0});
  for (const CpuVendor vendor : {CpuVendor::kAmd, CpuVendor::kHygon}) {
    const auto packages = ReadTopology(host.root(), vendor);
    ASSERT_THAT(packages, IsOk());
    EXPECT_THAT(CpusOf(*packages), ElementsAre(Package(0, 0, {0, 1}), Package(1, 0, {2})));
  }
}

TEST(TopologyTest, IdsAndCpuNumbersMayHaveGaps) {
  HostBuilder host(CpuVendor::kAmd, 0x19, 0x01);
  host.AddCpu({.cpu = 4, .package = 3, .core = 17}).AddCpu({.cpu = 64, .package = 3, .core = 17});
  host.AddCpu({.cpu = 9, .package = 8, .core = 200}).AddCpu({.cpu = 11, .package = 8, .core = 4});
  const auto packages = ReadTopology(host.root(), CpuVendor::kAmd);
  ASSERT_THAT(packages, IsOk());
  EXPECT_THAT(CpusOf(*packages), ElementsAre(Package(3, 0, {4, 64}), Package(8, 0, {9, 11})));
  ASSERT_THAT((*packages)[0].cores, SizeIs(1)) << "siblings are one core";
  EXPECT_EQ((*packages)[0].cores[0].core_id, 17);
  ASSERT_THAT((*packages)[1].cores, SizeIs(2));
  EXPECT_EQ((*packages)[1].cores[0].core_id, 200);
}

TEST(TopologyTest, OfflineCpusAreLeftOut) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x55);
  host.AddCpu({.cpu = 0, .package = 0, .online = false}).AddCpu({.cpu = 1, .package = 0});
  host.AddCpu({.cpu = 2, .package = 1, .online = false});
  const auto packages = ReadTopology(host.root(), CpuVendor::kIntel);
  ASSERT_THAT(packages, IsOk());
  EXPECT_THAT(CpusOf(*packages), ElementsAre(Package(0, 0, {1})));
}

// A sibling list may name a CPU that has gone offline since.
TEST(TopologyTest, OfflineSiblingsAreLeftOut) {
  HostBuilder host(CpuVendor::kAmd, 0x19, 0x01);
  host.AddCpu({.cpu = 0}).AddCpu({.cpu = 1});
  host.Write("/sys/devices/system/cpu/online", "0\n");
  const auto packages = ReadTopology(host.root(), CpuVendor::kAmd);
  ASSERT_THAT(packages, IsOk());
  EXPECT_THAT((*packages)[0].cores[0].cpus, ElementsAre(0));
}

TEST(TopologyTest, OldKernelsNameTheFilesDifferently) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x55);
  host.AddCpu({.cpu = 0}).AddCpu({.cpu = 1});
  for (const char* cpu : {"cpu0", "cpu1"}) {
    const std::string directory = std::string("/sys/devices/system/cpu/") + cpu + "/topology/";
    host.Remove(directory + "die_id").Remove(directory + "core_cpus_list");
    host.Write(directory + "thread_siblings_list", "0-1\n");
  }
  const auto packages = ReadTopology(host.root(), CpuVendor::kIntel);
  ASSERT_THAT(packages, IsOk());
  EXPECT_THAT(CpusOf(*packages), ElementsAre(Package(0, 0, {0, 1})));
  ASSERT_THAT((*packages)[0].cores, SizeIs(1));
  EXPECT_THAT((*packages)[0].cores[0].cpus, ElementsAre(0, 1));
}

// Run time on a CPU that is left out would be charged to nobody: better no figures than those.
TEST(TopologyTest, AnOnlineCpuWithoutTopologyIsAnError) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x55);
  host.AddCpu({.cpu = 0}).AddCpu({.cpu = 1});
  host.Remove("/sys/devices/system/cpu/cpu1/topology/physical_package_id");
  EXPECT_THAT(ReadTopology(host.root(), CpuVendor::kIntel),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("cpu1/topology/physical_package_id")));
  EXPECT_THAT(ReadTopology(HostRoot("/nonexistent"), CpuVendor::kIntel), StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace vrapl
