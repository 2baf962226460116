// The emulator through its mount, read by what vrapl reads real hardware with.
#include "emulator/emulator.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "absl/strings/numbers.h"
#include "base/check_moving.h"
#include "base/host_root.h"
#include "msr/rapl_reader.h"
#include "tests/emulator/temp_dir.h"
#include "tests/requirements.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Json = nlohmann::json;

class EmulatorTest : public testing::Test {
 protected:
  void SetUp() override {
    VRAPL_NEEDS("fuse");
    options_.host.cpu = FindCpuProfile("skylake-sp");
    options_.host.power = {*PowerSpec::Parse("square:50W,150W,20ms")};
    // Eight CPUs, whatever this machine has: nothing here depends on real ones.
    for (int cpu = 0; cpu < 8; ++cpu) options_.host.cores.push_back({.core_id = cpu, .cpus = {cpu}});
  }
  void Start() {
    absl::StatusOr<std::unique_ptr<Emulator>> emulator = Emulator::Start(dir_.path(), options_);
    ASSERT_THAT(emulator, IsOk());
    emulator_ = *std::move(emulator);
  }
  HostRoot Root() const { return HostRoot(dir_.path()); }
  Json Truth() { return Json::parse(emulator_->host().Truth()); }

  TempDir dir_;
  EmulatorOptions options_;
  std::unique_ptr<Emulator> emulator_;
};

TEST_F(EmulatorTest, SaysThatItIsEmulated) {
  Start();
  const absl::StatusOr<std::string> text = ReadSmallFile(dir_.path() + "/vrapl-emulator.json");
  ASSERT_THAT(text, IsOk());
  const Json json = Json::parse(*text);
  EXPECT_EQ(json["emulated"], true);
  EXPECT_EQ(json["pid"], ::getpid());
  EXPECT_EQ(json["cpu"], "skylake-sp");
  EXPECT_EQ(json["packages"][0]["power"], "square:50W,150W,20ms");
  const absl::StatusOr<CpuModel> cpu = ReadCpuModel(Root());
  ASSERT_THAT(cpu, IsOk());
  EXPECT_THAT(cpu->name, HasSubstr("(emulated)"));
}

TEST_F(EmulatorTest, VraplFindsTheDomainsOfEveryCpu) {
  for (const CpuProfile& profile : CpuProfiles()) {
    options_.host.cpu = &profile;
    options_.host.packages = 2;
    Start();
    const absl::StatusOr<MsrProbe> probe = ProbeMsr(Root(), {.per_core = true});
    ASSERT_THAT(probe, IsOk()) << profile.name;
    ASSERT_EQ(probe->packages.size(), 2U) << profile.name;
    EXPECT_THAT(probe->packages[0].cpus, ElementsAre(0, 1, 2, 3)) << profile.name;
    EXPECT_THAT(probe->packages[1].cpus, ElementsAre(4, 5, 6, 7)) << profile.name;
    for (const PackageProbe& package : probe->packages) {
      EXPECT_THAT(package.usable, IsOk()) << profile.name;
      std::set<RaplDomain> found;
      for (const DomainProbe& domain : package.domains) {
        if (!domain.present) continue;
        found.insert(domain.id.domain);
        for (const DomainProfile& expected : profile.domains) {
          if (expected.domain == domain.id.domain) {
            EXPECT_DOUBLE_EQ(domain.unit.joules_per_tick, expected.tick.joules()) << profile.name << domain.origin;
          }
        }
      }
      std::set<RaplDomain> expected;
      for (const DomainProfile& domain : profile.domains) {
        if (domain.domain != RaplDomain::kPsys || package.package_id == 0) expected.insert(domain.domain);
      }
      EXPECT_EQ(found, expected) << profile.name << " package " << package.package_id;
    }
    emulator_.reset();
  }
}

// The whole chain to the tick: emulated power, register, file system, driver's interface, widened total.
TEST_F(EmulatorTest, WhatVraplCountsIsWhatWasEmulated) {
  options_.host.packages = 2;
  options_.host.start_ticks = 0xFFFF'FFC0;  // wraps around within a few updates
  Start();
  absl::StatusOr<std::vector<std::unique_ptr<EnergySource>>> sources = OpenMsrSources(Root());
  ASSERT_THAT(sources, IsOk());
  ASSERT_EQ(sources->size(), 2U);
  const auto shown = [this](size_t package) {
    const Json truth = Truth();
    std::map<std::string, uint64_t> ticks;
    for (const Json& domain : truth["packages"][package]["domains"])
      ticks[domain["domain"]] = domain["last_read_ticks"];
    return ticks;
  };
  for (size_t p = 0; p < 2; ++p) {
    EnergySource& source = *(*sources)[p];
    ASSERT_THAT(CheckMoving(source, RealClock()), IsOk());
    EnergySample first;
    source.Read(first);
    const std::map<std::string, uint64_t> before = shown(p);
    EnergySample last;
    const int64_t until_ns = MonotonicNs() + 50 * kNanosPerMilli;
    do {
      source.Read(last);
    } while (MonotonicNs() < until_ns);
    std::map<std::string, uint64_t> after = shown(p);
    for (size_t i = 0; i < source.package().domains.size(); ++i) {
      const std::string name = DomainName(source.package().domains[i].id);
      EXPECT_EQ(last.error[i], 0) << name;
      EXPECT_GT(last.ticks[i], first.ticks[i]) << name;
      EXPECT_EQ(last.ticks[i] - first.ticks[i], after[name] - before.at(name)) << name << " of package " << p;
      EXPECT_GT(after[name], 0x40U) << "was to wrap around";
    }
  }
}

TEST_F(EmulatorTest, PowercapShowsTheSameTicksByTheKernelsUnit) {
  Start();
  EXPECT_THAT(ListDirectory(dir_.path() + "/sys/class/powercap"),
              IsOkAndHolds(ElementsAre("intel-rapl", "intel-rapl:0", "intel-rapl:0:0")));
  EXPECT_THAT(ReadSmallFile(dir_.path() + "/sys/class/powercap/intel-rapl:0/name"), IsOkAndHolds("package-0"));
  EXPECT_THAT(ReadSmallFile(dir_.path() + "/sys/class/powercap/intel-rapl:0:0/name"), IsOkAndHolds("dram"));
  EXPECT_THAT(ReadSmallFile(dir_.path() +
                            "/sys/class/powercap/intel-rapl/intel-rapl:0/intel-rapl:0:0/subsystem/intel-rapl:0/name"),
              IsOkAndHolds("package-0"));
  EXPECT_THAT(ReadNumberFile(dir_.path() + "/sys/class/powercap/intel-rapl:0/max_energy_range_uj"),
              IsOkAndHolds(262143328850));
  EXPECT_THAT(ReadNumberFile(dir_.path() + "/sys/class/powercap/intel-rapl:0:0/max_energy_range_uj"),
              IsOkAndHolds(65712999613));
  const UniqueFd msr(::open((dir_.path() + "/dev/cpu/3/msr").c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(msr.ok());
  const auto ticks = [&msr](MsrAddress address) {
    uint64_t value = 0;
    EXPECT_EQ(::pread(msr.get(), &value, sizeof value, address), 8);
    return static_cast<uint32_t>(value);
  };
  struct View {
    MsrAddress address;
    const char* zone;
    int64_t tick_nj;
  };
  for (const View& view :
       {View{kMsrPkgEnergyStatus, "intel-rapl:0", 61035}, View{kMsrDramEnergyStatus, "intel-rapl:0:0", 15300}}) {
    int same = 0;
    for (int i = 0; i < 1000 && same < 20; ++i) {
      const uint32_t before = ticks(view.address);
      const absl::StatusOr<int64_t> energy_uj =
          ReadNumberFile(dir_.path() + "/sys/class/powercap/" + view.zone + "/energy_uj");
      ASSERT_THAT(energy_uj, IsOk());
      if (ticks(view.address) != before) continue;  // an update came between
      EXPECT_EQ(static_cast<uint64_t>(*energy_uj), PowercapMicrojoules(before, view.tick_nj));
      ++same;
    }
    EXPECT_EQ(same, 20) << "updates more often than every millisecond?";
  }
}

TEST_F(EmulatorTest, PsysTakesANumberBetweenThePackages) {
  options_.host.cpu = FindCpuProfile("sapphire-rapids");
  options_.host.packages = 2;
  Start();
  const std::string powercap = dir_.path() + "/sys/class/powercap/";
  EXPECT_THAT(ReadSmallFile(powercap + "intel-rapl:0/name"), IsOkAndHolds("package-0"));
  EXPECT_THAT(ReadSmallFile(powercap + "intel-rapl:1/name"), IsOkAndHolds("psys"));
  EXPECT_THAT(ReadSmallFile(powercap + "intel-rapl:2/name"), IsOkAndHolds("package-1"));
  EXPECT_THAT(ReadSmallFile(powercap + "intel-rapl:2:0/name"), IsOkAndHolds("dram"));
}

TEST_F(EmulatorTest, AmdShowsOneCoreInPowercap) {
  options_.host.cpu = FindCpuProfile("zen3");
  Start();
  EXPECT_THAT(ListDirectory(dir_.path() + "/sys/class/powercap"),
              IsOkAndHolds(ElementsAre("intel-rapl", "intel-rapl:0", "intel-rapl:0:0")));
  EXPECT_THAT(ReadSmallFile(dir_.path() + "/sys/class/powercap/intel-rapl:0:0/name"), IsOkAndHolds("core"));
}

TEST_F(EmulatorTest, FaultsAsEachViewShowsThem) {
  options_.host.faults = {*Fault::Parse("eio:0x619"), *Fault::Parse("offline:cpu1")};
  Start();
  EXPECT_THAT(ReadSmallFile(dir_.path() + "/sys/class/powercap/intel-rapl:0:0/energy_uj"),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(ReadNumberFile(dir_.path() + "/sys/class/powercap/intel-rapl:0/energy_uj"), IsOk());
  EXPECT_THAT(ReadSmallFile(dir_.path() + "/sys/devices/system/cpu/online"), IsOkAndHolds("0,2-7"));
  EXPECT_THAT(ReadSmallFile(dir_.path() + "/sys/devices/system/cpu/offline"), IsOkAndHolds("1"));
  EXPECT_EQ(::open((dir_.path() + "/dev/cpu/1/msr").c_str(), O_RDONLY), -1);
  EXPECT_EQ(errno, ENXIO);
  const absl::StatusOr<MsrProbe> probe = ProbeMsr(Root());
  ASSERT_THAT(probe, IsOk());
  EXPECT_THAT(probe->packages[0].cpus, ElementsAre(0, 2, 3, 4, 5, 6, 7));
}

}  // namespace
}  // namespace vrapl
