#include "sampler/cpu_watcher.h"

#include <gmock/gmock.h>

#include "tests/fakes/host_builder.h"

namespace vrapl {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(CpuWatcherTest, SaysWhoIsOnlineWhenThatChanges) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x55);
  for (int cpu = 0; cpu < 4; ++cpu) host.AddCpu({.cpu = cpu, .package = cpu / 2, .core = cpu % 2});
  CpuWatcher watcher(host.root());
  EXPECT_FALSE(watcher.Poll().has_value()) << "as it was";
  host.Write("/sys/devices/system/cpu/online", "0,2-3\n");
  std::optional<std::vector<PackageTopology>> topology = watcher.Poll();
  ASSERT_TRUE(topology.has_value());
  EXPECT_THAT(CpusOf(*topology, 0, 0), ElementsAre(0));
  EXPECT_THAT(CpusOf(*topology, 1, 0), ElementsAre(2, 3));
  EXPECT_THAT(AllCpus(*topology), ElementsAre(0, 2, 3));
  EXPECT_FALSE(watcher.Poll().has_value());
  host.Write("/sys/devices/system/cpu/online", "0\n");
  topology = watcher.Poll();
  ASSERT_TRUE(topology.has_value());
  EXPECT_THAT(CpusOf(*topology, 1, 0), IsEmpty()) << "the package is gone";
  host.Write("/sys/devices/system/cpu/online", "0-3\n");
  ASSERT_TRUE((topology = watcher.Poll()).has_value());
  EXPECT_THAT(CpusOf(*topology, 1, -1), ElementsAre(2, 3));
}

// While a CPU comes up, its topology files may not be there yet.
TEST(CpuWatcherTest, WhatCannotBeReadYetIsTriedAgain) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x55);
  host.AddCpu({.cpu = 0});
  CpuWatcher watcher(host.root());
  host.Write("/sys/devices/system/cpu/online", "0-1\n");
  EXPECT_FALSE(watcher.Poll().has_value());
  host.AddCpu({.cpu = 1});
  const std::optional<std::vector<PackageTopology>> topology = watcher.Poll();
  ASSERT_TRUE(topology.has_value());
  EXPECT_THAT(CpusOf(*topology, 0, 0), ElementsAre(0, 1));
  host.Remove("/sys/devices/system/cpu/online");
  EXPECT_FALSE(watcher.Poll().has_value());
}

}  // namespace
}  // namespace vrapl
