#include "base/housekeeping.h"

#include <gmock/gmock.h>

#include "base/topology.h"
#include "tests/fakes/host_builder.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kIsolated[] = "/sys/devices/system/cpu/isolated";
constexpr char kNohzFull[] = "/sys/devices/system/cpu/nohz_full";

TEST(KeptClearTest, AreThoseOfEitherList) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x55);
  EXPECT_THAT(ReadKeptClearCpus(host.root()), IsEmpty()) << "kernels without the files";
  host.Write(kIsolated, "\n");
  EXPECT_THAT(ReadKeptClearCpus(host.root()), IsEmpty());
  host.Write(kNohzFull, "(null)\n");
  EXPECT_THAT(ReadKeptClearCpus(host.root()), IsEmpty()) << "a kernel that could and was not asked to";
  host.Write(kIsolated, "2-3,8\n").Write(kNohzFull, "3-4\n");
  EXPECT_THAT(ReadKeptClearCpus(host.root()), ElementsAre(2, 3, 4, 8));
}

TEST(HousekeepingFirstTest, KeepsTheOrderOfBothParts) {
  EXPECT_THAT(HousekeepingFirst({0, 1, 2, 3}, {}), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(HousekeepingFirst({0, 1, 2, 3}, {0, 2}), ElementsAre(1, 3, 0, 2));
  EXPECT_THAT(HousekeepingFirst({0, 1, 2, 3}, {0, 1, 2, 3}), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(HousekeepingFirst({}, {1}), IsEmpty());
}

TEST(WhyReadOnTest, SaysWhatIsNotPlain) {
  EXPECT_EQ(WhyReadOn(0, {0, 1}, {}), "");
  EXPECT_EQ(WhyReadOn(0, {0, 1}, {1}), "") << "the first, as everywhere";
  EXPECT_EQ(WhyReadOn(0, {0, 1}, {4, 5}), "") << "of another package";
  EXPECT_EQ(WhyReadOn(1, {0, 1}, {0}), "CPU 0 is kept clear (isolcpus, nohz_full)");
  EXPECT_EQ(WhyReadOn(2, {0, 1, 2, 3}, {0, 1, 3}), "CPUs 0-1,3 are kept clear (isolcpus, nohz_full)");
  EXPECT_EQ(WhyReadOn(2, {0, 1, 2, 3}, {3}), "") << "CPU 0 is free: somebody else has chosen";
  EXPECT_EQ(WhyReadOn(0, {0, 1}, {0, 1}), "all its CPUs are kept clear (isolcpus, nohz_full)");
}

TEST(HousekeepingTest, ThePackagesReaderIsNotKeptClear) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x55);
  for (int cpu = 0; cpu < 6; ++cpu) host.AddCpu({.cpu = cpu, .package = cpu % 3, .core = cpu / 3});
  host.Write(kIsolated, "0,2\n").Write(kNohzFull, "5\n");
  const auto packages = ReadTopology(host.root(), CpuVendor::kIntel);
  ASSERT_THAT(packages, IsOk());
  ASSERT_EQ(packages->size(), 3u);
  EXPECT_EQ((*packages)[0].reader_cpu(), 3);
  EXPECT_THAT((*packages)[0].cpus, ElementsAre(0, 3)) << "run time is that of all";
  EXPECT_THAT((*packages)[0].to_read_on(), ElementsAre(3, 0));
  EXPECT_EQ((*packages)[1].reader_cpu(), 1);
  EXPECT_EQ((*packages)[2].reader_cpu(), 2) << "every CPU is kept clear: the first";
  EXPECT_THAT((*packages)[2].kept_clear, ElementsAre(2, 5));
}

}  // namespace
}  // namespace vrapl
