#include "emulator/cpu_profiles.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "msr/energy_unit.h"
#include "msr/rapl_model.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

// As the kernel shows max_energy_range_uj for each unit. Source: intel_rapl_common.c's arithmetic, and users' reports.
TEST(PowercapTest, RangeOfEachUnitAsTheKernelShowsIt) {
  struct Row {
    int64_t tick_nj;
    uint64_t max_energy_range_uj;
  };
  for (const Row& row : {Row{122070, 524286657700}, Row{61035, 262143328850}, Row{30517, 131069516941},
                         Row{15258, 65532610987}, Row{7629, 32766305493}, Row{3814, 16381005263},
                         Row{15300, 65712999613}, Row{32000, 137438953440}, Row{1'000'000'000, 4294967295000000}}) {
    EXPECT_EQ(PowercapMicrojoules(0xFFFF'FFFF, row.tick_nj), row.max_energy_range_uj) << row.tick_nj;
    EXPECT_EQ(PowercapMicrojoules(0, row.tick_nj), 0U);
  }
}

const DomainProfile* Domain(const std::string& cpu, RaplDomain domain) {
  const CpuProfile* profile = FindCpuProfile(cpu);
  if (profile == nullptr) return nullptr;
  for (const DomainProfile& each : profile->domains) {
    if (each.domain == domain) return &each;
  }
  return nullptr;
}

TEST(CpuProfilesTest, UnitsWithTheirExceptions) {
  struct Row {
    const char* cpu;
    RaplDomain domain;
    double unit_j;
    int64_t powercap_tick_nj;
  };
  for (const Row& row : {
           Row{"sandy-bridge", RaplDomain::kPackage, 0x1p-16, 15258},
           Row{"haswell", RaplDomain::kPackage, 0x1p-14, 61035},
           Row{"haswell", RaplDomain::kDram, 0x1p-14, 61035},
           Row{"skylake", RaplDomain::kPsys, 0x1p-14, 61035},
           Row{"skylake-sp", RaplDomain::kPackage, 0x1p-14, 61035},
           Row{"skylake-sp", RaplDomain::kDram, 0x1p-16, 15300},
           Row{"sapphire-rapids", RaplDomain::kDram, 0x1p-14, 61035},
           Row{"sapphire-rapids", RaplDomain::kPsys, 1, 1'000'000'000},
           Row{"silvermont", RaplDomain::kPackage, 32e-6, 32000},
           Row{"zen3", RaplDomain::kPackage, 0x1p-16, 15258},
           Row{"zen3", RaplDomain::kCore, 0x1p-16, 15258},
           Row{"zen5", RaplDomain::kPackage, 0x1p-16, 15258},
       }) {
    const DomainProfile* domain = Domain(row.cpu, row.domain);
    ASSERT_NE(domain, nullptr) << row.cpu << " " << DomainName(row.domain);
    EXPECT_DOUBLE_EQ(domain->tick.joules(), row.unit_j) << row.cpu << " " << DomainName(row.domain);
    EXPECT_EQ(domain->powercap_tick_nj, row.powercap_tick_nj) << row.cpu << " " << DomainName(row.domain);
  }
}

// Two tables, written from the same sources for two purposes, must tell the same about each emulated CPU.
TEST(CpuProfilesTest, AgreesWithTheTableThatVraplReadsBy) {
  std::set<absl::string_view> names;
  for (const CpuProfile& cpu : CpuProfiles()) {
    EXPECT_TRUE(names.insert(cpu.name).second) << cpu.name << " twice";
    ASSERT_FALSE(cpu.domains.empty());
    EXPECT_EQ(cpu.domains.front().domain, RaplDomain::kPackage) << cpu.name;
    const RaplModel* model = FindRaplModel(cpu.vendor, cpu.family, cpu.model);
    ASSERT_NE(model, nullptr) << cpu.name;
    const absl::StatusOr<EnergyUnits> units = DecodeEnergyUnits(cpu.power_unit, *model);
    ASSERT_THAT(units, IsOk()) << cpu.name;
    for (const DomainProfile& domain : cpu.domains) {
      EXPECT_TRUE(model->Has(domain.domain)) << cpu.name << " " << DomainName(domain.domain);
      EXPECT_EQ(EnergyStatusRegister(cpu.vendor, domain.domain), domain.energy_status) << cpu.name;
      EXPECT_DOUBLE_EQ(units->For(domain.domain).joules_per_tick, domain.tick.joules())
          << cpu.name << " " << DomainName(domain.domain);
    }
  }
}

// ---- CPUs made from their row ----

TEST(ParseCpuTest, TakesNamesAndNumbersOfEveryRow) {
  for (const RaplModel& row : RaplModels()) {
    const absl::StatusOr<CpuProfile> cpu = ParseCpu(RowName(row));
    ASSERT_THAT(cpu, IsOk()) << RowName(row);
    EXPECT_EQ(FindRaplModel(cpu->vendor, cpu->family, cpu->model), &row) << RowName(row);
    EXPECT_EQ(cpu->domains.front().domain, RaplDomain::kPackage);
  }
  const absl::StatusOr<CpuProfile> skylake = ParseCpu("skylake-sp");
  ASSERT_THAT(skylake, IsOk());
  EXPECT_EQ(skylake->domains.size(), 2U) << "written by hand, with PP0 that does not count";
  const absl::StatusOr<CpuProfile> row = ParseCpu("06_55");
  ASSERT_THAT(row, IsOk());
  EXPECT_EQ(row->model, 0x55);
  EXPECT_EQ(row->domains.size(), 5U) << "every candidate of the row counts";
  EXPECT_THAT(ParseCpu("6_55"), IsOk());
  EXPECT_THAT(ParseCpu("intel:06_55"), IsOk());
}

// The rows of the two tables that mean the same CPU, one written by hand, agree in what they share.
TEST(ParseCpuTest, ARowIsTheCpuThatWasWrittenByHand) {
  for (const CpuProfile& hand : CpuProfiles()) {
    const RaplModel* model = FindRaplModel(hand.vendor, hand.family, hand.model);
    ASSERT_NE(model, nullptr);
    const absl::StatusOr<CpuProfile> row = RowProfile(*model, hand.family, hand.model);
    ASSERT_THAT(row, IsOk());
    EXPECT_EQ(row->power_unit, hand.power_unit) << hand.name;
    EXPECT_EQ(row->high_half, hand.high_half) << hand.name;
    EXPECT_TRUE(row->powercap) << hand.name;
    for (const DomainProfile& domain : hand.domains) {
      bool found = false;
      for (const DomainProfile& each : row->domains) {
        if (each.domain != domain.domain) continue;
        found = true;
        EXPECT_EQ(each.energy_status, domain.energy_status) << hand.name;
        EXPECT_EQ(each.tick.joules(), domain.tick.joules()) << hand.name << " " << DomainName(domain.domain);
        EXPECT_EQ(each.powercap_tick_nj, domain.powercap_tick_nj) << hand.name << " " << DomainName(domain.domain);
      }
      EXPECT_TRUE(found) << hand.name << " " << DomainName(domain.domain);
    }
  }
}

TEST(ParseCpuTest, SettlesWhichVendorIsMeant) {
  EXPECT_EQ(ParseCpu("19_21")->vendor, CpuVendor::kAmd) << "Hygon's 19h would be a later family: a listed one wins";
  EXPECT_EQ(ParseCpu("hygon:19_21")->vendor_id(), "HygonGenuine");
  EXPECT_EQ(ParseCpu("18_00")->vendor, CpuVendor::kHygon);
  EXPECT_THAT(ParseCpu("1B_00"),
              StatusIs(absl::StatusCode::kInvalidArgument, testing::HasSubstr("amd:1B_00 or hygon:1B_00")));
  EXPECT_EQ(ParseCpu("amd:1B_00")->family, 0x1B) << "a family that is not listed, where CPUID announces RAPL";
  EXPECT_EQ(ParseCpu("19_*")->model, 0x02) << "the first model of Zen 3 and 4 that has no row";
}

TEST(ParseCpuTest, AnotherEsuIsAnotherUnit) {
  const auto package_j = [](absl::string_view cpu, int esu) { return ParseCpu(cpu, esu)->domains[0].tick.joules(); };
  EXPECT_EQ(package_j("06_4C", 5), 32e-6) << "disputed: the value decides";
  EXPECT_EQ(package_j("06_4C", 14), 0x1p-14);
  EXPECT_EQ(package_j("06_9E", 18), 0x1p-18);
  EXPECT_EQ(package_j("skylake-sp", 13), 0x1p-13);
  EXPECT_EQ(ParseCpu("06_3F", 13)->domains[2].tick.joules(), 0x1p-16) << "its DRAM does not follow";
  EXPECT_THAT(ParseCpu("06_9E", 5),
              StatusIs(absl::StatusCode::kInvalidArgument, testing::HasSubstr("usual one is 14")));
}

TEST(ParseCpuTest, WhereTheKernelDiffers) {
  const auto dram_nj = [](absl::string_view cpu) {
    const CpuProfile profile = *ParseCpu(cpu);
    for (const DomainProfile& domain : profile.domains) {
      if (domain.domain == RaplDomain::kDram) return domain.powercap_tick_nj;
    }
    return int64_t{0};
  };
  EXPECT_EQ(dram_nj("06_4F"), 15'300);
  EXPECT_EQ(dram_nj("06_56"), 61'035) << "Broadwell-DE: the driver shows four times the energy";
  for (const char* without : {"06_4D", "06_5D"}) EXPECT_FALSE(ParseCpu(without)->powercap) << without;
  for (const char* tpmi : {"06_AD", "06_AF"}) EXPECT_TRUE(ParseCpu(tpmi)->powercap) << tpmi;
}

TEST(ParseCpuTest, SaysWhatIsWrong) {
  for (const auto& [text, message] : std::map<std::string, std::string>{{"skylake-spp", "skylake-sp?"},
                                                                        {"06_1A", "no row"},
                                                                        {"19_XY", "not a family and model"},
                                                                        {"19", "06_8F"},
                                                                        {"", "06_8F"},
                                                                        {"via:06_55", "intel, amd or hygon"},
                                                                        {"amd:06_55", "no row"},
                                                                        {"06_*", "no row"}}) {
    EXPECT_THAT(ParseCpu(text), StatusIs(absl::StatusCode::kInvalidArgument, testing::HasSubstr(message))) << text;
  }
}

}  // namespace
}  // namespace vrapl
