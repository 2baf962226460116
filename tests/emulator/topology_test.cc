// Hosts of every shape: whatever packages, dies, ids and CPU numbers, each counter is found once and read to the tick.
#include "base/topology.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/host_root.h"
#include "emulator/emulator.h"
#include "msr/rapl_reader.h"
#include "powercap/powercap_reader.h"
#include "tests/emulator/temp_dir.h"
#include "tests/fakes/simulated_clock.h"
#include "tests/requirements.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

using testing::ElementsAre;
using Json = nlohmann::json;
using Sources = std::vector<std::unique_ptr<EnergySource>>;

struct Shape {
  const char* name;
  const char* cpu;
  int packages;
  int dies;
  int cores;
  int threads;
  bool interleaved;
  bool sparse_ids;
  size_t counters;  // sets of registers: what vrapl calls a package
};

class TopologyTest : public testing::TestWithParam<Shape> {
 protected:
  void SetUp() override { VRAPL_NEEDS("fuse"); }
  void Start(const Shape& shape) {
    cpu_ = *ParseCpu(shape.cpu);
    EmulatedHostOptions& host = options_.host;
    host.cpu = &cpu_;
    host.packages = shape.packages;
    host.dies = shape.dies;
    host.interleaved = shape.interleaved;
    host.sparse_ids = shape.sparse_ids;
    host.cores = MadeUpCores(shape.cores, shape.threads);
    host.power.clear();
    for (int p = 0; p < shape.packages; ++p) {
      host.power.push_back(*PowerSpec::Parse(absl::StrCat("const:", 50 + 10 * p, "W")));
    }
    host.clock = &clock_;
    absl::StatusOr<std::unique_ptr<Emulator>> emulator = Emulator::Start(dir_.path(), options_);
    ASSERT_THAT(emulator, IsOk());
    emulator_ = *std::move(emulator);
  }
  HostRoot Root() const { return HostRoot(dir_.path()); }
  Json Truth() { return Json::parse(emulator_->host().Truth())["packages"]; }

  SimulatedClock clock_;
  TempDir dir_;
  CpuProfile cpu_;
  EmulatorOptions options_;
  std::unique_ptr<Emulator> emulator_;
};

TEST_P(TopologyTest, EachCounterIsFoundOnceAndReadToTheTick) {
  Start(GetParam());
  for (const bool msr : {true, false}) {
    absl::StatusOr<Sources> sources =
        msr ? OpenMsrSources(Root(), {.per_core = true, .clock = &clock_}) : OpenPowercapSources(Root(), clock_);
    ASSERT_THAT(sources, IsOk()) << (msr ? "msr" : "sysfs");
    ASSERT_EQ(sources->size(), GetParam().counters) << (msr ? "msr" : "sysfs");
    const Json before = Truth();
    std::vector<EnergySample> first(sources->size());
    for (size_t p = 0; p < sources->size(); ++p) (*sources)[p]->Read(first[p]);
    clock_.Advance(kNanosPerSecond);
    const Json after = Truth();
    std::set<int> cpus;
    for (size_t p = 0; p < sources->size(); ++p) {
      EnergySample last;
      (*sources)[p]->Read(last);
      const PackageInfo& package = (*sources)[p]->package();
      EXPECT_EQ(package.package_id, after[p]["package"].get<int>());
      if (msr) {
        EXPECT_EQ(package.die_id, after[p]["die"].get<int>());
        EXPECT_EQ(package.cpus, after[p]["cpus"].get<std::vector<int>>());
      }
      cpus.insert(package.cpus.begin(), package.cpus.end());
      for (size_t d = 0; d < package.domains.size(); ++d) {
        const std::string name = DomainName(package.domains[d].id);
        EXPECT_EQ(last.error[d], 0) << name;
        const Json* truth = nullptr;
        for (const Json& each : after[p]["domains"]) {
          if (each["domain"] == name) truth = &each;
        }
        if (!msr || truth == nullptr) {
          EXPECT_FALSE(msr) << name;  // powercap calls one of AMD's cores "core"; its units are every_cpu_test's
          continue;
        }
        for (const Json& each : before[p]["domains"]) {
          if (each["domain"] != name) continue;
          EXPECT_EQ(last.ticks[d] - first[p].ticks[d],
                    (*truth)["ticks"].get<uint64_t>() - each["ticks"].get<uint64_t>())
              << name << " of package " << p;
        }
      }
      // Every die of a package has the package's power.
      const size_t of_package = p * static_cast<size_t>(GetParam().packages) / sources->size();
      EXPECT_NEAR((EnergyTicks{last.ticks[0] - first[p].ticks[0]} * package.domains[0].unit).value,
                  50 + 10 * static_cast<double>(of_package), 0.5);
    }
    EXPECT_EQ(cpus.size(), static_cast<size_t>(GetParam().cores) * static_cast<size_t>(GetParam().threads));
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, TopologyTest,
                         testing::Values(Shape{"TwoPackages", "skylake-sp", 2, 1, 4, 2, false, false, 2},
                                         Shape{"FourPackagesInterleaved", "06_8F", 4, 1, 8, 2, true, false, 4},
                                         Shape{"CascadeLakeApTwoDies", "06_55", 2, 2, 8, 2, false, false, 4},
                                         Shape{"DiesInterleavedAndSparse", "06_55", 2, 2, 8, 1, true, true, 4},
                                         Shape{"AmdDiesShareTheSocket", "zen3", 2, 4, 16, 2, false, false, 2},
                                         Shape{"AmdSparseIds", "19_11", 2, 2, 12, 2, true, true, 2},
                                         Shape{"HygonDies", "18_00", 2, 2, 4, 1, false, false, 2},
                                         Shape{"ManyPackages", "06_6A", 12, 1, 12, 1, false, true, 12}),
                         [](const testing::TestParamInfo<Shape>& shape) { return shape.param.name; });

TEST_F(TopologyTest, LooksAsLinuxShowsIt) {
  Start({"", "06_55", 2, 2, 8, 2, true, true, 4});
  const std::string cpus = dir_.path() + "/sys/devices/system/cpu/";
  // CPU numbers run across the packages, then across the dies; siblings are the number of cores apart.
  const absl::StatusOr<std::vector<PackageTopology>> topology = ReadTopology(Root(), CpuVendor::kIntel);
  ASSERT_THAT(topology, IsOk());
  ASSERT_EQ(topology->size(), 4U);
  EXPECT_THAT((*topology)[0].cpus, ElementsAre(0, 4, 8, 12));
  EXPECT_THAT((*topology)[1].cpus, ElementsAre(2, 6, 10, 14));
  EXPECT_THAT((*topology)[2].cpus, ElementsAre(1, 5, 9, 13));
  EXPECT_EQ((*topology)[1].package_id, 0);
  EXPECT_EQ((*topology)[1].die_id, 2);
  EXPECT_EQ((*topology)[3].package_id, 2);
  EXPECT_THAT((*topology)[0].cores[0].cpus, ElementsAre(0, 8));
  EXPECT_THAT(ReadSmallFile(cpus + "cpu2/topology/die_cpus_list"), IsOkAndHolds("2,6,10,14"));
  EXPECT_THAT(ReadSmallFile(cpus + "cpu2/topology/package_cpus_list"), IsOkAndHolds("0,2,4,6,8,10,12,14"));
  EXPECT_THAT(ReadSmallFile(dir_.path() + "/sys/class/powercap/intel-rapl:0/name"), IsOkAndHolds("package-0-die-0"));
  // psys comes between, and only in the first.
  EXPECT_THAT(ReadSmallFile(dir_.path() + "/sys/class/powercap/intel-rapl:1/name"), IsOkAndHolds("psys"));
  EXPECT_THAT(ReadSmallFile(dir_.path() + "/sys/class/powercap/intel-rapl:4/name"), IsOkAndHolds("package-2-die-2"));
}

TEST_F(TopologyTest, SocketsOfAmdSeveralDiesAreOneCounter) {
  Start({"", "zen3", 1, 2, 8, 1, false, true, 1});
  const std::string cpus = dir_.path() + "/sys/devices/system/cpu/";
  EXPECT_THAT(ReadSmallFile(cpus + "cpu0/topology/die_cpus_list"), IsOkAndHolds("0-3"));
  EXPECT_THAT(ReadSmallFile(cpus + "cpu4/topology/die_cpus_list"), IsOkAndHolds("4-7"));
  EXPECT_THAT(ReadSmallFile(cpus + "cpu4/topology/die_id"), IsOkAndHolds("2"));
  EXPECT_THAT(ReadSmallFile(cpus + "cpu3/topology/core_id"), IsOkAndHolds("4")) << "3 is fused off";
  EXPECT_THAT(ReadSmallFile(dir_.path() + "/sys/class/powercap/intel-rapl:0/name"), IsOkAndHolds("package-0"));
}

}  // namespace
}  // namespace vrapl
