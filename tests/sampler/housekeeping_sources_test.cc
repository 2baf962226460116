// Where each kind of source reads on a host that keeps CPUs clear, at the start and after CPUs came and went.
#include <gmock/gmock.h>

#include <algorithm>
#include <memory>

#include "hwmon/hwmon_reader.h"
#include "msr/rapl_reader.h"
#include "msr/registers.h"
#include "perf/perf_reader.h"
#include "powercap/powercap_reader.h"
#include "sampler/cpu_watcher.h"
#include "sampler/sampling_loop.h"
#include "tests/fakes/fuse_msr.h"
#include "tests/fakes/host_builder.h"
#include "tests/fakes/hwmon_tree.h"
#include "tests/fakes/pmu_tree.h"
#include "tests/fakes/simulated_clock.h"
#include "tests/perf/scripted_pmu.h"
#include "tests/requirements.h"
#include "tests/sampler/made_package.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr uint64_t kRawEsu14 = 0xA0E03;
constexpr char kKept[] = "CPUs 0-1 are kept clear (isolcpus, nohz_full)";

// CPUs 0 to 3 of one package, the first two of them kept clear: one by each option.
class HousekeepingSourcesTest : public testing::Test {
 protected:
  HousekeepingSourcesTest() {
    for (int cpu = 0; cpu < 4; ++cpu) host_.AddCpu({.cpu = cpu, .core = cpu});
    host_.Write("/sys/devices/system/cpu/isolated", "0\n").Write("/sys/devices/system/cpu/nohz_full", "1\n");
  }

  HostBuilder host_{CpuVendor::kIntel, 6, 0x55};
  SimulatedClock clock_;
  std::unique_ptr<EnergySample> sample_ = std::make_unique<EnergySample>();
};

TEST_F(HousekeepingSourcesTest, MsrReadsOnTheBestThereIs) {
  VRAPL_NEEDS("fuse");
  FuseMsr msr(host_, {0, 1, 2, 3});
  for (int cpu = 0; cpu < 4; ++cpu) {
    msr.Set(cpu, kMsrRaplPowerUnit, kRawEsu14);
    msr.Set(cpu, kMsrPkgEnergyStatus, 100);
  }
  const auto probe = ProbeMsr(host_.root(), {.clock = &clock_});
  ASSERT_THAT(probe, IsOk());
  EXPECT_EQ(probe->packages[0].reader_cpu, 2);
  EXPECT_EQ(probe->packages[0].why_reader_cpu, kKept);
  EXPECT_THAT(probe->packages[0].domains[0].origin, HasSubstr("CPU 2"));
  const auto sources = OpenMsrSources(host_.root(), {.clock = &clock_});
  ASSERT_THAT(sources, IsOk());
  EnergySource& source = *sources->front();
  EXPECT_EQ(source.package().reader_cpu, 2);
  EXPECT_THAT(source.package().cpus, ElementsAre(0, 1, 2, 3)) << "run time is that of all";
  const auto reads_on = [&] {
    source.Read(*sample_);
    return sample_->error[0] == 0 ? source.package().reader_cpu : -1;
  };
  msr.registers().SetOnline(2, false);
  EXPECT_EQ(reads_on(), 3) << "before anybody says that CPUs have gone";
  msr.registers().SetOnline(3, false);
  EXPECT_THAT(reads_on(), testing::AnyOf(-1, 0, 1));
  EXPECT_THAT(reads_on(), testing::AnyOf(0, 1)) << "better there than not at all";
  msr.registers().SetOnline(3, true);
  source.CoverCpus({3, 0, 1});
  EXPECT_EQ(reads_on(), 3) << "no longer on a CPU that is kept clear";
  msr.Set(3, kMsrPkgEnergyStatus, 150);
  source.Read(*sample_);
  EXPECT_EQ(sample_->ticks[0], 50u) << "the counter is the package's: the total goes on";
}

TEST_F(HousekeepingSourcesTest, PowercapsThreadIsOnTheBestThereIs) {
  host_.AddZone({.id = "intel-rapl:0", .name = "package-0"});
  const auto probe = ProbePowercap(host_.root());
  ASSERT_THAT(probe, IsOk());
  EXPECT_EQ(probe->front().why_reader_cpu, kKept);
  const auto sources = OpenPowercapSources(host_.root(), clock_);
  ASSERT_THAT(sources, IsOk());
  EnergySource& source = *sources->front();
  EXPECT_EQ(source.package().reader_cpu, 2);
  source.CoverCpus({3, 0, 1});
  EXPECT_EQ(source.package().reader_cpu, 3);
  source.CoverCpus({});
  EXPECT_EQ(source.package().reader_cpu, 3) << "the package has gone: nowhere to go";
}

TEST_F(HousekeepingSourcesTest, ASensorsThreadIsOnTheBestThereIs) {
  AddXGene(host_, 2, "20000000", "5000000");
  const auto probe = ProbeHwmon(host_.root());
  ASSERT_THAT(probe, IsOk());
  EXPECT_EQ(probe->front().why_reader_cpu, kKept);
  const auto sources = OpenHwmonSources(host_.root(), {.clock = &clock_});
  ASSERT_THAT(sources, IsOk());
  EXPECT_EQ(sources->front()->package().reader_cpu, 2);
  sources->front()->CoverCpus({3, 0, 1});
  EXPECT_EQ(sources->front()->package().reader_cpu, 3);
}

// The kernel counts on the CPU that its PMU names, whatever anybody keeps clear; of several it is ours to choose.
TEST_F(HousekeepingSourcesTest, ThePmusCpumaskDecidesForPerf) {
  ScriptedPmu pmu;
  for (const auto& [cpumask, reader_cpu] : {std::pair("0", 0), std::pair("0-3", 2), std::pair("", 2)}) {
    HostBuilder host(CpuVendor::kIntel, 6, 0x55);
    for (int cpu = 0; cpu < 4; ++cpu) host.AddCpu({.cpu = cpu, .core = cpu});
    host.Write("/sys/devices/system/cpu/isolated", "0-1\n");
    AddPmu(host, {.name = "power", .type = 9, .cpumask = cpumask, .events = {kEnergyPkg}});
    const auto probe = ProbePerf(host.root(), {.clock = &pmu.clock(), .events = &pmu});
    ASSERT_THAT(probe, IsOk());
    EXPECT_EQ(probe->front().reader_cpu, reader_cpu) << cpumask;
    EXPECT_THAT(probe->front().why_reader_cpu,
                reader_cpu == 0 ? HasSubstr("cpumask of the PMU names it, though") : HasSubstr(kKept))
        << cpumask;
  }
}

TEST_F(HousekeepingSourcesTest, WhereAllCpusAreKeptClearTheFirstReads) {
  host_.Write("/sys/devices/system/cpu/nohz_full", "0-3\n").AddZone({.id = "intel-rapl:0", .name = "package-0"});
  const auto probe = ProbePowercap(host_.root());
  ASSERT_THAT(probe, IsOk());
  EXPECT_EQ(probe->front().reader_cpu, 0);
  EXPECT_EQ(probe->front().why_reader_cpu, "all its CPUs are kept clear (isolcpus, nohz_full)");
}

// In whatever order they are offered, the same CPUs are no news.
TEST_F(HousekeepingSourcesTest, TheOrderOfCpusIsNoNews) {
  const auto topology = ReadTopology(host_.root(), CpuVendor::kIntel);
  ASSERT_THAT(topology, IsOk());
  EXPECT_THAT(KeptClear(*topology), ElementsAre(0, 1));
  MadePackage package(clock_, {.cpus = {0, 1, 2, 3}});
  SamplingLoop loop(package, package, clock_, {});
  EXPECT_FALSE(loop.OfferCpus(OnCores(*topology, (*topology)[0].to_read_on())));
  EXPECT_TRUE(loop.OfferCpus(OnCores(*topology, {3, 0, 1})));
  EXPECT_FALSE(loop.OfferCpus(OnCores(*topology, {0, 1, 3})));
}

}  // namespace
}  // namespace vrapl
