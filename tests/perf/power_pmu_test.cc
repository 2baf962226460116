// The trees are written as the kernels named beside them show theirs.
#include "perf/power_pmu.h"

#include <gmock/gmock.h>

#include "tests/fakes/pmu_tree.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

constexpr double kPerCount = 1.0 / 4294967296.0;

std::vector<RaplDomain> DomainsOf(const PowerPmu& pmu) {
  std::vector<RaplDomain> domains;
  for (const PowerEvent& event : pmu.events) domains.push_back(event.domain);
  return domains;
}

TEST(PowerPmuTest, IntelClientCountsFiveDomains) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x9E);
  AddPmu(host, {.name = "power",
                .type = 23,
                .cpumask = "0",
                .events = {kEnergyCores, kEnergyGpu, kEnergyPkg, kEnergyPsys, kEnergyRam}});
  const absl::StatusOr<PowerPmu> pmu = ReadPowerPmu(host.root());
  ASSERT_THAT(pmu, IsOk());
  EXPECT_EQ(pmu->type, 23u);
  EXPECT_THAT(pmu->cpumask, ElementsAre(0));
  EXPECT_THAT(DomainsOf(*pmu), ElementsAre(RaplDomain::kPackage, RaplDomain::kCores, RaplDomain::kUncore,
                                           RaplDomain::kDram, RaplDomain::kPsys))
      << "the package first: it leads the group";
  const uint64_t configs[] = {2, 1, 4, 3, 5};
  for (size_t i = 0; i < pmu->events.size(); ++i) {
    const PowerEvent& event = pmu->events[i];
    EXPECT_THAT(event.usable, IsOk());
    EXPECT_EQ(event.event.type, 23u);
    EXPECT_EQ(event.event.config, configs[i]) << event.name;
    EXPECT_EQ(event.unit.joules_per_tick, kPerCount) << "exactly 2^-32";
  }
  EXPECT_EQ(pmu->events.front().name, "power/energy-pkg/");
}

// cpumask is one CPU of each package, or of each die, or every CPU where the driver does not care (TPMI).
TEST(PowerPmuTest, CpumaskIsTakenAsItIs) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x8F);
  for (const auto& [text, cpus] :
       std::vector<std::pair<std::string, std::vector<int>>>{{"0,24", {0, 24}}, {"0-3,8", {0, 1, 2, 3, 8}}}) {
    AddPmu(host, {.name = "power", .type = 9, .cpumask = text, .events = {kEnergyPkg}});
    const absl::StatusOr<PowerPmu> pmu = ReadPowerPmu(host.root());
    ASSERT_THAT(pmu, IsOk());
    EXPECT_EQ(pmu->cpumask, cpus);
  }
  host.Write(PmuPath("power", "cpumask"), "\n");  // all CPUs of the PMU offline
  EXPECT_THAT(ReadPowerPmu(host.root()), StatusIs(absl::StatusCode::kNotFound, HasSubstr("cpumask names no CPU")));
  host.Write(PmuPath("power", "cpumask"), "00000001\nx");
  EXPECT_THAT(ReadPowerPmu(host.root()), StatusIs(absl::StatusCode::kInvalidArgument));
  host.Remove(PmuPath("power", "cpumask"));
  EXPECT_THAT(ReadPowerPmu(host.root()), IsOk());
}

TEST(PowerPmuTest, AmdCountsEachCore) {
  HostBuilder host(CpuVendor::kAmd, 0x19, 0x11);
  AddPmu(host, {.name = "power", .type = 12, .cpumask = "0", .events = {kEnergyPkg}});
  AddPmu(host, {.name = "power_core", .type = 13, .cpumask = "0-3", .events = {kEnergyCore}});
  const absl::StatusOr<PowerPmu> cores = ReadPowerCorePmu(host.root());
  ASSERT_THAT(cores, IsOk());
  EXPECT_EQ(cores->type, 13u);
  EXPECT_THAT(DomainsOf(*cores), ElementsAre(RaplDomain::kCore));
  EXPECT_EQ(cores->events.front().event.config, 1u);
  EXPECT_THAT(ReadPowerPmu(host.root()), IsOk());
}

// Rocket Lake on a kernel that does not know it, Tiger Lake on 5.15: zones, and no PMU.
TEST(PowerPmuTest, AKernelWithoutThePmuSaysWhatToDo) {
  HostBuilder host(CpuVendor::kIntel, 6, 0xA7);
  EXPECT_THAT(ReadPowerPmu(host.root()),
              StatusIs(absl::StatusCode::kNotFound, AllOf(HasSubstr("devices/power"), HasSubstr("modprobe rapl"))));
}

// AMD family 15h: a driver of another kind has the same name, and counts milliwatts.
TEST(PowerPmuTest, APmuNamedPowerIsNotAlwaysRapl) {
  HostBuilder host(CpuVendor::kAmd, 0x15, 0x60);
  AddPmu(host, {.name = "power",
                .type = 8,
                .cpumask = "0",
                .events = {{.name = "power-pkg", .terms = "event=0x01", .unit = "mWatts"}}});
  EXPECT_THAT(ReadPowerPmu(host.root()),
              StatusIs(absl::StatusCode::kUnimplemented,
                       AllOf(HasSubstr("no event energy-pkg"), HasSubstr("not RAPL's"), HasSubstr("power-pkg"))));
  host.Remove(PmuPath("power", "events"));
  EXPECT_THAT(ReadPowerPmu(host.root()), StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("no event energy-pkg")));
}

// A count without its scale, or of something that is not energy, is no figure.
TEST(PowerPmuTest, AnEventWithoutScaleAndUnitIsNotUsed) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x9E);
  AddPmu(host, {.name = "power",
                .type = 9,
                .cpumask = "0",
                .events = {kEnergyPkg,
                           {.name = "energy-cores", .terms = "event=0x01", .scale = "fast"},
                           {.name = "energy-gpu", .terms = "event=0x04", .unit = "mJ"},
                           {.name = "energy-psys", .terms = "event=0x05", .scale = "0"},
                           {.name = "energy-ram", .terms = "event=0x103"}}});
  const absl::StatusOr<PowerPmu> pmu = ReadPowerPmu(host.root());
  ASSERT_THAT(pmu, IsOk());
  ASSERT_THAT(pmu->events, SizeIs(5));
  EXPECT_THAT(pmu->events[0].usable, IsOk());
  EXPECT_THAT(pmu->events[1].usable, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("energy-cores.scale")));
  EXPECT_THAT(pmu->events[2].usable, StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("not Joules")));
  EXPECT_THAT(pmu->events[3].usable, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("event=0x103")))
      << "more bits than the format has";
  EXPECT_THAT(pmu->events[4].usable, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("energy-psys.scale")));
  host.Remove(PmuPath("power", "events/energy-pkg.scale"));
  EXPECT_THAT(ReadPowerPmu(host.root())->events[0].usable, StatusIs(absl::StatusCode::kNotFound));
}

struct TermsCase {
  const char* format;
  const char* terms;
  uint64_t config;
};

TEST(EventTermsTest, GoWhereTheFormatSays) {
  for (const TermsCase& terms :
       {TermsCase{"config:0-7", "event=0x02", 2}, TermsCase{"config:0-7", "event=255", 255},
        TermsCase{"config:8-15", "event=0x02", 0x200}, TermsCase{"config:21", "event=1", 1 << 21},
        TermsCase{"config:21", "event", 1 << 21}, TermsCase{"config:0-63", "event=0xffffffffffffffff", ~uint64_t{0}}}) {
    HostBuilder host(CpuVendor::kIntel, 6, 0x9E);
    host.Write("/format/event", terms.format).Write("/format/umask", "config:32-39\n");
    EXPECT_THAT(ParseEventTerms(terms.terms, host.root().Path("/format")), IsOkAndHolds(terms.config)) << terms.terms;
    if (terms.config < 256) {
      EXPECT_THAT(ParseEventTerms(std::string(terms.terms) + ",umask=0x3", host.root().Path("/format")),
                  IsOkAndHolds(terms.config | uint64_t{3} << 32));
    }
  }
}

TEST(EventTermsTest, RefusesWhatItDoesNotUnderstand) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x9E);
  const std::string formats = host.root().Path("/format");
  host.Write("/format/event", "config:0-7").Write("/format/far", "config1:0-7").Write("/format/odd", "config:7-0");
  for (const char* terms : {"", "event=", "event=two", "event=256", "event=0x", "far=1", "odd=1", "event=1,,"}) {
    EXPECT_THAT(ParseEventTerms(terms, formats), StatusIs(absl::StatusCode::kInvalidArgument)) << terms;
  }
  EXPECT_THAT(ParseEventTerms("umask=1", formats), StatusIs(absl::StatusCode::kNotFound, HasSubstr("format/umask")));
}

}  // namespace
}  // namespace vrapl
