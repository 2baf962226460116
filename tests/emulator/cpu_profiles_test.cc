#include "emulator/cpu_profiles.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

}  // namespace
}  // namespace vrapl
