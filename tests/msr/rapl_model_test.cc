#include "msr/rapl_model.h"

#include <set>
#include <string>
#include <tuple>

#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"
#include "msr/energy_unit.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

using testing::HasSubstr;

constexpr double kEsu14 = 1.0 / (1 << 14);
constexpr double kEsu16 = 1.0 / (1 << 16);

// Raw power-unit registers as CPUs were seen to give them. Power unit 3, time unit 10, and the ESU of the name.
constexpr uint64_t kRawEsu14 = 0x000A0E03;  // Haswell and later
constexpr uint64_t kRawEsu16 = 0x000A1003;  // Sandy Bridge, Ivy Bridge
constexpr uint64_t kRawAmd = 0x000A1000;    // Zen 4 and Zen 5 clients
constexpr uint64_t kRawSilvermont = 0x00000505;

struct UnitCase {
  const char* what;
  CpuVendor vendor;
  int family;
  int model;
  uint64_t power_unit;
  double package;
  double dram;
  double psys;
};

class UnitTableTest : public testing::TestWithParam<UnitCase> {};

TEST_P(UnitTableTest, DecodesEachDomain) {
  const UnitCase& param = GetParam();
  const RaplModel* model = FindRaplModel(param.vendor, param.family, param.model);
  ASSERT_NE(model, nullptr);
  const absl::StatusOr<EnergyUnits> units = DecodeEnergyUnits(param.power_unit, *model);
  ASSERT_THAT(units, IsOk());
  for (const RaplDomain domain : {RaplDomain::kPackage, RaplDomain::kCores, RaplDomain::kUncore, RaplDomain::kCore}) {
    EXPECT_EQ(units->For(domain).joules_per_tick, param.package) << DomainName(domain);
  }
  EXPECT_EQ(units->For(RaplDomain::kDram).joules_per_tick, param.dram);
  EXPECT_EQ(units->For(RaplDomain::kPsys).joules_per_tick, param.psys);
}

constexpr CpuVendor kIntel = CpuVendor::kIntel;
constexpr CpuVendor kAmd = CpuVendor::kAmd;

INSTANTIATE_TEST_SUITE_P(
    Models, UnitTableTest,
    testing::Values(
        UnitCase{"Sandy Bridge", kIntel, 6, 0x2A, kRawEsu16, kEsu16, kEsu16, kEsu16},
        UnitCase{"Haswell ULT: DRAM by the unit register", kIntel, 6, 0x45, kRawEsu14, kEsu14, kEsu14, kEsu14},
        UnitCase{"Haswell GT3e: DRAM by the unit register", kIntel, 6, 0x46, kRawEsu14, kEsu14, kEsu14, kEsu14},
        UnitCase{"Haswell-EP: DRAM in 2^-16 J", kIntel, 6, 0x3F, kRawEsu14, kEsu14, kEsu16, kEsu14},
        UnitCase{"Broadwell-EP: DRAM in 2^-16 J", kIntel, 6, 0x4F, kRawEsu14, kEsu14, kEsu16, kEsu14},
        UnitCase{"Broadwell-DE: DRAM in 2^-16 J", kIntel, 6, 0x56, kRawEsu14, kEsu14, kEsu16, kEsu14},
        UnitCase{"Skylake-SP: DRAM in 2^-16 J", kIntel, 6, 0x55, kRawEsu14, kEsu14, kEsu16, kEsu14},
        UnitCase{"Ice Lake-SP: DRAM in 2^-16 J", kIntel, 6, 0x6A, kRawEsu14, kEsu14, kEsu16, kEsu14},
        UnitCase{"Ice Lake-D: DRAM in 2^-16 J", kIntel, 6, 0x6C, kRawEsu14, kEsu14, kEsu16, kEsu14},
        UnitCase{"Knights Landing: DRAM in 2^-16 J", kIntel, 6, 0x57, kRawEsu14, kEsu14, kEsu16, kEsu14},
        UnitCase{"Knights Mill: DRAM in 2^-16 J", kIntel, 6, 0x85, kRawEsu14, kEsu14, kEsu16, kEsu14},
        UnitCase{"Skylake client", kIntel, 6, 0x5E, kRawEsu14, kEsu14, kEsu14, kEsu14},
        UnitCase{"Sapphire Rapids: psys in joules", kIntel, 6, 0x8F, kRawEsu14, kEsu14, kEsu14, 1.0},
        UnitCase{"Emerald Rapids: psys in joules", kIntel, 6, 0xCF, kRawEsu14, kEsu14, kEsu14, 1.0},
        UnitCase{"Granite Rapids: DRAM by the unit register", kIntel, 6, 0xAD, kRawEsu14, kEsu14, kEsu14, kEsu14},
        UnitCase{"Sierra Forest: DRAM by the unit register", kIntel, 6, 0xAF, kRawEsu14, kEsu14, kEsu14, kEsu14},
        UnitCase{"Grand Ridge: DRAM by the unit register", kIntel, 6, 0xB6, kRawEsu14, kEsu14, kEsu14, kEsu14},
        UnitCase{"Bay Trail: 32 uJ", kIntel, 6, 0x37, kRawSilvermont, 32e-6, 32e-6, 32e-6},
        UnitCase{"Bay Trail, ESU 6: 64 uJ", kIntel, 6, 0x37, 0x00000605, 64e-6, 64e-6, 64e-6},
        UnitCase{"Avoton, ESU 16: not 65536 uJ", kIntel, 6, 0x4D, 0x00001005, kEsu16, kEsu16, kEsu16},
        UnitCase{"Airmont, ESU 5", kIntel, 6, 0x4C, kRawSilvermont, 32e-6, 32e-6, 32e-6},
        UnitCase{"Airmont, ESU 14", kIntel, 6, 0x4C, 0x00000E05, kEsu14, kEsu14, kEsu14},
        UnitCase{"Moorefield, ESU 5", kIntel, 6, 0x5A, kRawSilvermont, 32e-6, 32e-6, 32e-6},
        UnitCase{"ESU 13", kIntel, 6, 0x9E, 0x000A0D03, 122.0703125e-6, 122.0703125e-6, 122.0703125e-6},
        UnitCase{"ESU 15", kIntel, 6, 0x9E, 0x000A0F03, 30.517578125e-6, 30.517578125e-6, 30.517578125e-6},
        UnitCase{"ESU 17", kIntel, 6, 0x9E, 0x000A1103, 7.62939453125e-6, 7.62939453125e-6, 7.62939453125e-6},
        UnitCase{"ESU 18", kIntel, 6, 0x9E, 0x000A1203, 3.814697265625e-6, 3.814697265625e-6, 3.814697265625e-6},
        UnitCase{"Dirty high half", kIntel, 6, 0x8F, 0xFFFF'FFFF'000A'0E03, kEsu14, kEsu14, 1.0},
        UnitCase{"Rome", kAmd, 0x17, 0x31, kRawAmd, kEsu16, kEsu16, kEsu16},
        UnitCase{"Milan", kAmd, 0x19, 0x01, kRawAmd, kEsu16, kEsu16, kEsu16},
        UnitCase{"Turin", kAmd, 0x1A, 0x02, kRawAmd, kEsu16, kEsu16, kEsu16},
        UnitCase{"Hygon", CpuVendor::kHygon, 0x18, 0x00, kRawAmd, kEsu16, kEsu16, kEsu16}),
    [](const testing::TestParamInfo<UnitCase>& unit_case) {
      std::string name;
      for (const char c : std::string(unit_case.param.what)) name += absl::ascii_isalnum(c) ? c : '_';
      return name;
    });

// Every row of the table, once more and by hand: what each model's unit register, as such a CPU gives it, makes of each
// domain. A row that is changed, lost or added must be changed here too.
constexpr double kNo = 0;  // the model has no such domain
constexpr double k32uJ = 32e-6;
constexpr double kJoule = 1;
constexpr uint64_t kRawAvoton = 0x00001005;
constexpr RaplAccess kMsr = RaplAccess::kMsr;
constexpr RaplAccess kTpmi = RaplAccess::kMsrKernelTpmi;

struct RowCase {
  CpuVendor vendor;
  int family;
  int model;
  uint64_t power_unit;
  double package, cores, uncore, dram, psys, core;
  int counter_bits;
  RaplAccess access;
};

constexpr CpuVendor kHygon = CpuVendor::kHygon;

TEST(RaplModelTest, EachRowGivesEachDomainItsUnit) {
  // clang-format off
  const RowCase cases[] = {
        //       vendor  family model      unit register   package cores   uncore  dram    psys    core    bits access
        RowCase{kIntel, 0x06, 0x2A,      kRawEsu16,      kEsu16, kEsu16, kEsu16, kNo,    kNo,    kNo,    32, kMsr},
        RowCase{kIntel, 0x06, 0x2D,      kRawEsu16,      kEsu16, kEsu16, kNo,    kEsu16, kNo,    kNo,    32, kMsr},
        RowCase{kIntel, 0x06, 0x3A,      kRawEsu16,      kEsu16, kEsu16, kEsu16, kNo,    kNo,    kNo,    32, kMsr},
        RowCase{kIntel, 0x06, 0x3E,      kRawEsu16,      kEsu16, kEsu16, kNo,    kEsu16, kNo,    kNo,    32, kMsr},
        RowCase{kIntel, 0x06, 0x3C,      kRawEsu14,      kEsu14, kEsu14, kEsu14, kEsu14, kNo,    kNo,    32, kMsr},
        RowCase{kIntel, 0x06, 0x45,      kRawEsu14,      kEsu14, kEsu14, kEsu14, kEsu14, kNo,    kNo,    32, kMsr},
        RowCase{kIntel, 0x06, 0x46,      kRawEsu14,      kEsu14, kEsu14, kEsu14, kEsu14, kNo,    kNo,    32, kMsr},
        RowCase{kIntel, 0x06, 0x3F,      kRawEsu14,      kEsu14, kEsu14, kNo,    kEsu16, kNo,    kNo,    32, kMsr},
        RowCase{kIntel, 0x06, 0x3D,      kRawEsu14,      kEsu14, kEsu14, kEsu14, kEsu14, kNo,    kNo,    32, kMsr},
        RowCase{kIntel, 0x06, 0x47,      kRawEsu14,      kEsu14, kEsu14, kEsu14, kEsu14, kNo,    kNo,    32, kMsr},
        RowCase{kIntel, 0x06, 0x4F,      kRawEsu14,      kEsu14, kEsu14, kEsu14, kEsu16, kNo,    kNo,    32, kMsr},
        RowCase{kIntel, 0x06, 0x56,      kRawEsu14,      kEsu14, kEsu14, kNo,    kEsu16, kNo,    kNo,    32, kMsr},
        RowCase{kIntel, 0x06, 0x4E,      kRawEsu14,      kEsu14, kEsu14, kEsu14, kEsu14, kEsu14, kNo,    32, kMsr},
        RowCase{kIntel, 0x06, 0x5E,      kRawEsu14,      kEsu14, kEsu14, kEsu14, kEsu14, kEsu14, kNo,    32, kMsr},
        RowCase{kIntel, 0x06, 0x55,      kRawEsu14,      kEsu14, kEsu14, kEsu14, kEsu16, kEsu14, kNo,    32, kMsr},
        RowCase{kIntel, 0x06, 0x8E,      kRawEsu14,      kEsu14, kEsu14, kEsu14, kEsu14, kEsu14, kNo,    32, kMsr},
        RowCase{kIntel, 0x06, 0x9E,      kRawEsu14,      kEsu14, kEsu14, kEsu14, kEsu14, kEsu14, kNo,    32, kMsr},
        RowCase{kIntel, 0x06, 0xA5,      kRawEsu14,      kEsu14, kEsu14, kEsu14, kEsu14, kEsu14, kNo,    32, kMsr},
        RowCase{kIntel, 0x06, 0xA6,      kRawEsu14,      kEsu14, kEsu14, kEsu14, kEsu14, kEsu14, kNo,    32, kMsr},
        RowCase{kIntel, 0x06, 0x66,      kRawEsu14,      kEsu14, kEsu14, kEsu14, kEsu14, kEsu14, kNo,    32, kMsr},
        RowCase{kIntel, 0x06, 0x7D,      kRawEsu14,      kEsu14, kEsu14, kEsu14, kEsu14, kEsu14, kNo,    32, kMsr},
        RowCase{kIntel, 0x06, 0x7E,      kRawEsu14,      kEsu14, kEsu14, kEsu14, kEsu14, kEsu14, kNo,    32, kMsr},
        RowCase{kIntel, 0x06, 0x9D,      kRawEsu14,      kEsu14, kEsu14, kEsu14, kEsu14, kEsu14, kNo,    32, kMsr},
        RowCase{kIntel, 0x06, 0x6A,      kRawEsu14,      kEsu14, kEsu14, kEsu14, kEsu16, kEsu14, kNo,    32, kMsr},
        RowCase{kIntel, 0x06, 0x6C,      kRawEsu14,      kEsu14, kEsu14, kEsu14, kEsu16, kEsu14, kNo,    32, kMsr},
        RowCase{kIntel, 0x06, 0xA7,      kRawEsu14,      kEsu14, kEsu14, kEsu14, kEsu14, kEsu14, kNo,    32, kMsr},
        RowCase{kIntel, 0x06, 0x8C,      kRawEsu14,      kEsu14, kEsu14, kEsu14, kEsu14, kEsu14, kNo,    32, kMsr},
        RowCase{kIntel, 0x06, 0x8D,      kRawEsu14,      kEsu14, kEsu14, kEsu14, kEsu14, kEsu14, kNo,    32, kMsr},
        RowCase{kIntel, 0x06, 0x8A,      kRawEsu14,      kEsu14, kEsu14, kEsu14, kEsu14, kEsu14, kNo,    32, kMsr},
        RowCase{kIntel, 0x06, 0x97,      kRawEsu14,      kEsu14, kEsu14, kEsu14, kEsu14, kEsu14, kNo,    32, kMsr},
        RowCase{kIntel, 0x06, 0x9A,      kRawEsu14,      kEsu14, kEsu14, kEsu14, kEsu14, kEsu14, kNo,    32, kMsr},
        RowCase{kIntel, 0x06, 0xBE,      kRawEsu14,      kEsu14, kEsu14, kEsu14, kEsu14, kEsu14, kNo,    32, kMsr},
        RowCase{kIntel, 0x06, 0xB7,      kRawEsu14,      kEsu14, kEsu14, kEsu14, kEsu14, kEsu14, kNo,    32, kMsr},
        RowCase{kIntel, 0x06, 0xBA,      kRawEsu14,      kEsu14, kEsu14, kEsu14, kEsu14, kEsu14, kNo,    32, kMsr},
        RowCase{kIntel, 0x06, 0xBF,      kRawEsu14,      kEsu14, kEsu14, kEsu14, kEsu14, kEsu14, kNo,    32, kMsr},
        RowCase{kIntel, 0x06, 0xD7,      kRawEsu14,      kEsu14, kEsu14, kEsu14, kEsu14, kEsu14, kNo,    32, kMsr},
        RowCase{kIntel, 0x06, 0xAC,      kRawEsu14,      kEsu14, kEsu14, kEsu14, kEsu14, kEsu14, kNo,    32, kMsr},
        RowCase{kIntel, 0x06, 0xAA,      kRawEsu14,      kEsu14, kEsu14, kEsu14, kEsu14, kEsu14, kNo,    32, kMsr},
        RowCase{kIntel, 0x06, 0xC5,      kRawEsu14,      kEsu14, kEsu14, kEsu14, kEsu14, kEsu14, kNo,    32, kMsr},
        RowCase{kIntel, 0x06, 0xC6,      kRawEsu14,      kEsu14, kEsu14, kEsu14, kEsu14, kEsu14, kNo,    32, kMsr},
        RowCase{kIntel, 0x06, 0xB5,      kRawEsu14,      kEsu14, kEsu14, kEsu14, kEsu14, kEsu14, kNo,    32, kMsr},
        RowCase{kIntel, 0x06, 0xBD,      kRawEsu14,      kEsu14, kEsu14, kEsu14, kEsu14, kEsu14, kNo,    32, kMsr},
        RowCase{kIntel, 0x06, 0xCC,      kRawEsu14,      kEsu14, kEsu14, kEsu14, kEsu14, kEsu14, kNo,    32, kMsr},
        RowCase{kIntel, 0x06, 0xD5,      kRawEsu14,      kEsu14, kEsu14, kEsu14, kEsu14, kEsu14, kNo,    32, kMsr},
        RowCase{kIntel, 0x06, 0x8F,      kRawEsu14,      kEsu14, kEsu14, kNo,    kEsu14, kJoule, kNo,    32, kMsr},
        RowCase{kIntel, 0x06, 0xCF,      kRawEsu14,      kEsu14, kEsu14, kNo,    kEsu14, kJoule, kNo,    32, kMsr},
        RowCase{kIntel, 0x06, 0xAD,      kRawEsu14,      kEsu14, kNo,    kNo,    kEsu14, kNo,    kNo,    32, kTpmi},
        RowCase{kIntel, 0x06, 0xAE,      kRawEsu14,      kEsu14, kNo,    kNo,    kEsu14, kNo,    kNo,    32, kTpmi},
        RowCase{kIntel, 0x06, 0xAF,      kRawEsu14,      kEsu14, kNo,    kNo,    kEsu14, kNo,    kNo,    32, kTpmi},
        RowCase{kIntel, 0x06, 0xB6,      kRawEsu14,      kEsu14, kNo,    kNo,    kEsu14, kEsu14, kNo,    32, kTpmi},
        RowCase{kIntel, 0x06, 0xDD,      kRawEsu14,      kEsu14, kNo,    kNo,    kEsu14, kEsu14, kNo,    32, kTpmi},
        RowCase{kIntel, 0x06, 0x37,      kRawSilvermont, k32uJ,  k32uJ,  kNo,    kNo,    kNo,    kNo,    32, kMsr},
        RowCase{kIntel, 0x06, 0x4A,      kRawSilvermont, k32uJ,  k32uJ,  kNo,    kNo,    kNo,    kNo,    32, kMsr},
        RowCase{kIntel, 0x06, 0x4D,      kRawAvoton,     kEsu16, kEsu16, kNo,    kNo,    kNo,    kNo,    32, kMsr},
        RowCase{kIntel, 0x06, 0x5A,      kRawSilvermont, k32uJ,  k32uJ,  kNo,    kNo,    kNo,    kNo,    32, kMsr},
        RowCase{kIntel, 0x06, 0x5D,      kRawSilvermont, k32uJ,  k32uJ,  kNo,    kNo,    kNo,    kNo,    32, kMsr},
        RowCase{kIntel, 0x06, 0x4C,      kRawSilvermont, k32uJ,  k32uJ,  kNo,    kNo,    kNo,    kNo,    32, kMsr},
        RowCase{kIntel, 0x06, 0x5C,      kRawEsu14,      kEsu14, kEsu14, kEsu14, kEsu14, kNo,    kNo,    32, kMsr},
        RowCase{kIntel, 0x06, 0x5F,      kRawEsu14,      kEsu14, kEsu14, kEsu14, kEsu14, kNo,    kNo,    32, kMsr},
        RowCase{kIntel, 0x06, 0x7A,      kRawEsu14,      kEsu14, kEsu14, kEsu14, kEsu14, kNo,    kNo,    32, kMsr},
        RowCase{kIntel, 0x06, 0x86,      kRawEsu14,      kEsu14, kNo,    kNo,    kNo,    kNo,    kNo,    32, kMsr},
        RowCase{kIntel, 0x06, 0x96,      kRawEsu14,      kEsu14, kEsu14, kEsu14, kEsu14, kNo,    kNo,    32, kMsr},
        RowCase{kIntel, 0x06, 0x9C,      kRawEsu14,      kEsu14, kEsu14, kEsu14, kEsu14, kNo,    kNo,    32, kMsr},
        RowCase{kIntel, 0x06, 0x57,      kRawEsu14,      kEsu14, kNo,    kNo,    kEsu16, kNo,    kNo,    32, kMsr},
        RowCase{kIntel, 0x06, 0x85,      kRawEsu14,      kEsu14, kNo,    kNo,    kEsu16, kNo,    kNo,    32, kMsr},
        RowCase{kIntel, 0x12, 0x01,      kRawEsu14,      kEsu14, kEsu14, kEsu14, kEsu14, kEsu14, kNo,    32, kMsr},
        RowCase{kIntel, 0x12, 0x03,      kRawEsu14,      kEsu14, kEsu14, kEsu14, kEsu14, kEsu14, kNo,    32, kMsr},
        RowCase{kAmd,   0x17, kAnyModel, kRawAmd,        kEsu16, kNo,    kNo,    kNo,    kNo,    kEsu16, 32, kMsr},
        RowCase{kAmd,   0x17, 0x01,      kRawAmd,        kEsu16, kNo,    kNo,    kNo,    kNo,    kEsu16, 32, kMsr},
        RowCase{kAmd,   0x17, 0x08,      kRawAmd,        kEsu16, kNo,    kNo,    kNo,    kNo,    kEsu16, 32, kMsr},
        RowCase{kAmd,   0x17, 0x11,      kRawAmd,        kEsu16, kNo,    kNo,    kNo,    kNo,    kEsu16, 32, kMsr},
        RowCase{kAmd,   0x17, 0x18,      kRawAmd,        kEsu16, kNo,    kNo,    kNo,    kNo,    kEsu16, 32, kMsr},
        RowCase{kAmd,   0x17, 0x20,      kRawAmd,        kEsu16, kNo,    kNo,    kNo,    kNo,    kEsu16, 32, kMsr},
        RowCase{kAmd,   0x17, 0x31,      kRawAmd,        kEsu16, kNo,    kNo,    kNo,    kNo,    kEsu16, 32, kMsr},
        RowCase{kAmd,   0x17, 0x60,      kRawAmd,        kEsu16, kNo,    kNo,    kNo,    kNo,    kEsu16, 32, kMsr},
        RowCase{kAmd,   0x17, 0x68,      kRawAmd,        kEsu16, kNo,    kNo,    kNo,    kNo,    kEsu16, 32, kMsr},
        RowCase{kAmd,   0x17, 0x71,      kRawAmd,        kEsu16, kNo,    kNo,    kNo,    kNo,    kEsu16, 32, kMsr},
        RowCase{kAmd,   0x17, 0x90,      kRawAmd,        kEsu16, kNo,    kNo,    kNo,    kNo,    kEsu16, 32, kMsr},
        RowCase{kAmd,   0x17, 0xA0,      kRawAmd,        kEsu16, kNo,    kNo,    kNo,    kNo,    kEsu16, 32, kMsr},
        RowCase{kAmd,   0x19, kAnyModel, kRawAmd,        kEsu16, kNo,    kNo,    kNo,    kNo,    kEsu16, 32, kMsr},
        RowCase{kAmd,   0x19, 0x00,      kRawAmd,        kEsu16, kNo,    kNo,    kNo,    kNo,    kEsu16, 32, kMsr},
        RowCase{kAmd,   0x19, 0x01,      kRawAmd,        kEsu16, kNo,    kNo,    kNo,    kNo,    kEsu16, 32, kMsr},
        RowCase{kAmd,   0x19, 0x08,      kRawAmd,        kEsu16, kNo,    kNo,    kNo,    kNo,    kEsu16, 32, kMsr},
        RowCase{kAmd,   0x19, 0x21,      kRawAmd,        kEsu16, kNo,    kNo,    kNo,    kNo,    kEsu16, 32, kMsr},
        RowCase{kAmd,   0x19, 0x30,      kRawAmd,        kEsu16, kNo,    kNo,    kNo,    kNo,    kEsu16, 32, kMsr},
        RowCase{kAmd,   0x19, 0x44,      kRawAmd,        kEsu16, kNo,    kNo,    kNo,    kNo,    kEsu16, 32, kMsr},
        RowCase{kAmd,   0x19, 0x50,      kRawAmd,        kEsu16, kNo,    kNo,    kNo,    kNo,    kEsu16, 32, kMsr},
        RowCase{kAmd,   0x19, 0x10,      kRawAmd,        kEsu16, kNo,    kNo,    kNo,    kNo,    kEsu16, 64, kMsr},
        RowCase{kAmd,   0x19, 0x11,      kRawAmd,        kEsu16, kNo,    kNo,    kNo,    kNo,    kEsu16, 64, kMsr},
        RowCase{kAmd,   0x19, 0x18,      kRawAmd,        kEsu16, kNo,    kNo,    kNo,    kNo,    kEsu16, 64, kMsr},
        RowCase{kAmd,   0x19, 0x61,      kRawAmd,        kEsu16, kNo,    kNo,    kNo,    kNo,    kEsu16, 64, kMsr},
        RowCase{kAmd,   0x19, 0x74,      kRawAmd,        kEsu16, kNo,    kNo,    kNo,    kNo,    kEsu16, 64, kMsr},
        RowCase{kAmd,   0x19, 0x75,      kRawAmd,        kEsu16, kNo,    kNo,    kNo,    kNo,    kEsu16, 64, kMsr},
        RowCase{kAmd,   0x19, 0x78,      kRawAmd,        kEsu16, kNo,    kNo,    kNo,    kNo,    kEsu16, 64, kMsr},
        RowCase{kAmd,   0x19, 0x7C,      kRawAmd,        kEsu16, kNo,    kNo,    kNo,    kNo,    kEsu16, 64, kMsr},
        RowCase{kAmd,   0x19, 0x90,      kRawAmd,        kEsu16, kNo,    kNo,    kNo,    kNo,    kEsu16, 64, kMsr},
        RowCase{kAmd,   0x19, 0xA0,      kRawAmd,        kEsu16, kNo,    kNo,    kNo,    kNo,    kEsu16, 64, kMsr},
        RowCase{kAmd,   0x1A, kAnyModel, kRawAmd,        kEsu16, kNo,    kNo,    kNo,    kNo,    kEsu16, 64, kMsr},
        RowCase{kAmd,   0x1A, 0x00,      kRawAmd,        kEsu16, kNo,    kNo,    kNo,    kNo,    kEsu16, 64, kMsr},
        RowCase{kAmd,   0x1A, 0x02,      kRawAmd,        kEsu16, kNo,    kNo,    kNo,    kNo,    kEsu16, 64, kMsr},
        RowCase{kAmd,   0x1A, 0x08,      kRawAmd,        kEsu16, kNo,    kNo,    kNo,    kNo,    kEsu16, 64, kMsr},
        RowCase{kAmd,   0x1A, 0x10,      kRawAmd,        kEsu16, kNo,    kNo,    kNo,    kNo,    kEsu16, 64, kMsr},
        RowCase{kAmd,   0x1A, 0x11,      kRawAmd,        kEsu16, kNo,    kNo,    kNo,    kNo,    kEsu16, 64, kMsr},
        RowCase{kAmd,   0x1A, 0x24,      kRawAmd,        kEsu16, kNo,    kNo,    kNo,    kNo,    kEsu16, 64, kMsr},
        RowCase{kAmd,   0x1A, 0x44,      kRawAmd,        kEsu16, kNo,    kNo,    kNo,    kNo,    kEsu16, 64, kMsr},
        RowCase{kAmd,   0x1A, 0x60,      kRawAmd,        kEsu16, kNo,    kNo,    kNo,    kNo,    kEsu16, 64, kMsr},
        RowCase{kAmd,   0x1A, 0x70,      kRawAmd,        kEsu16, kNo,    kNo,    kNo,    kNo,    kEsu16, 64, kMsr},
        RowCase{kAmd,   0x1A, 0x50,      kRawAmd,        kEsu16, kNo,    kNo,    kNo,    kNo,    kEsu16, 64, kMsr},
        RowCase{kHygon, 0x18, kAnyModel, kRawAmd,        kEsu16, kNo,    kNo,    kNo,    kNo,    kEsu16, 32, kMsr}};
  // clang-format on
  std::set<const RaplModel*> covered;
  for (const RowCase& expected : cases) {
    SCOPED_TRACE(absl::StrFormat("family 0x%x model 0x%x", expected.family, expected.model));
    const int model = expected.model == kAnyModel ? 0xFE : expected.model;
    const RaplModel* row = FindRaplModel(expected.vendor, expected.family, model);
    ASSERT_NE(row, nullptr);
    EXPECT_EQ(row->model, expected.model);
    EXPECT_TRUE(covered.insert(row).second) << "twice in this test";
    const absl::StatusOr<EnergyUnits> units = DecodeEnergyUnits(expected.power_unit, *row);
    ASSERT_THAT(units, IsOk());
    for (const auto& [domain, unit] :
         {std::pair(RaplDomain::kPackage, expected.package), std::pair(RaplDomain::kCores, expected.cores),
          std::pair(RaplDomain::kUncore, expected.uncore), std::pair(RaplDomain::kDram, expected.dram),
          std::pair(RaplDomain::kPsys, expected.psys), std::pair(RaplDomain::kCore, expected.core)}) {
      EXPECT_EQ(row->Has(domain) ? units->For(domain).joules_per_tick : kNo, unit) << DomainName(domain);
    }
    EXPECT_EQ(row->counter_bits, expected.counter_bits);
    EXPECT_EQ(row->access, expected.access);
  }
  for (const RaplModel& row : RaplModels()) EXPECT_TRUE(covered.contains(&row)) << row.name << " is not tested";
}

// It has RAPL, but no register of it.
TEST(RaplModelTest, TpmiOnlyModelsAreKnownByName) {
  ASSERT_NE(FindTpmiModel(kIntel, 0x13, 0x01), nullptr);
  EXPECT_EQ(FindTpmiModel(kIntel, 0x13, 0x01)->name, "Diamond Rapids");
  EXPECT_EQ(FindTpmiModel(kIntel, 6, 0x01), nullptr);
  EXPECT_EQ(FindTpmiModel(kAmd, 0x13, 0x01), nullptr);
  EXPECT_EQ(FindRaplModel(kIntel, 0x13, 0x01), nullptr);
}

TEST(RaplModelTest, ExactlyTheseModelsHaveAnException) {
  std::set<int> fixed_dram;
  std::set<int> psys_in_joules;
  std::set<int> microjoules;
  std::set<int> by_range;
  for (const RaplModel& row : RaplModels()) {
    if (row.dram_unit_joules) {
      fixed_dram.insert(row.model);
      EXPECT_EQ(*row.dram_unit_joules, kEsu16) << row.name;
    }
    if (row.psys_unit_joules) psys_in_joules.insert(row.model);
    if (row.unit_rule == EnergyUnitRule::kMicrojoules) microjoules.insert(row.model);
    if (row.unit_rule == EnergyUnitRule::kByRange) by_range.insert(row.model);
  }
  EXPECT_THAT(fixed_dram, testing::ElementsAre(0x3F, 0x4F, 0x55, 0x56, 0x57, 0x6A, 0x6C, 0x85));
  EXPECT_THAT(psys_in_joules, testing::ElementsAre(0x8F, 0xCF));
  EXPECT_THAT(microjoules, testing::ElementsAre(0x37));
  EXPECT_THAT(by_range, testing::ElementsAre(0x4A, 0x4C, 0x4D, 0x5A, 0x5D));
}

// What holds for every row, whichever it is.
TEST(RaplModelTest, EveryRowIsSound) {
  std::set<std::tuple<CpuVendor, int, int>> seen;
  for (const RaplModel& row : RaplModels()) {
    SCOPED_TRACE(row.name);
    EXPECT_TRUE(seen.emplace(row.vendor, row.family, row.model).second) << "a second row for one model";
    EXPECT_FALSE(row.name.empty());
    EXPECT_FALSE(row.source.empty());
    EXPECT_TRUE(row.Has(RaplDomain::kPackage));
    for (int i = 0; i < 32; ++i) {
      if ((row.domains >> i & 1) == 0) continue;
      EXPECT_TRUE(EnergyStatusRegister(row.vendor, static_cast<RaplDomain>(i)).has_value())
          << "no register for bit " << i;
    }
    // A family-wide row answers for models that it does not name.
    EXPECT_EQ(FindRaplModel(row.vendor, row.family, row.model == kAnyModel ? 0xFE : row.model), &row);
    EXPECT_NE(row.vendor == CpuVendor::kIntel, row.Has(RaplDomain::kCore)) << "energy by core is AMD's";
    const absl::StatusOr<EnergyUnits> units = DecodeEnergyUnits(static_cast<uint64_t>(row.typical_esu) << 8, row);
    ASSERT_THAT(units, IsOk());
    EXPECT_GT(units->common.joules_per_tick, 1e-6);
    EXPECT_LT(units->common.joules_per_tick, 1e-3);
  }
  EXPECT_GT(seen.size(), 100u);
}

TEST(RaplModelTest, RegistersHaveTheirManualsAddresses) {
  EXPECT_EQ(EnergyStatusRegister(kIntel, RaplDomain::kPackage), 0x611u);
  EXPECT_EQ(EnergyStatusRegister(kIntel, RaplDomain::kDram), 0x619u);
  EXPECT_EQ(EnergyStatusRegister(kIntel, RaplDomain::kCores), 0x639u);
  EXPECT_EQ(EnergyStatusRegister(kIntel, RaplDomain::kUncore), 0x641u);
  EXPECT_EQ(EnergyStatusRegister(kIntel, RaplDomain::kPsys), 0x64Du);
  EXPECT_EQ(EnergyStatusRegister(kIntel, RaplDomain::kCore), std::nullopt);
  EXPECT_EQ(PowerUnitRegister(kIntel), 0x606u);
  for (const CpuVendor vendor : {CpuVendor::kAmd, CpuVendor::kHygon}) {
    EXPECT_EQ(EnergyStatusRegister(vendor, RaplDomain::kPackage), 0xC001029Bu);
    EXPECT_EQ(EnergyStatusRegister(vendor, RaplDomain::kCore), 0xC001029Au);
    EXPECT_EQ(EnergyStatusRegister(vendor, RaplDomain::kDram), std::nullopt);
    EXPECT_EQ(PowerUnitRegister(vendor), 0xC0010299u);
  }
}

TEST(RaplModelTest, UnlistedIntelModelsAreNotGuessed) {
  for (const int model : {0x00, 0x1A, 0x75, 0xFE}) EXPECT_EQ(FindRaplModel(kIntel, 6, model), nullptr) << model;
  EXPECT_EQ(FindRaplModel(CpuVendor::kOther, 6, 0x55), nullptr);
}

// Intel's families 0x12 and 0x13 number their models anew, and 0x13 shows as 19 beside AMD's 19h, which is 25.
TEST(RaplModelTest, FamiliesAndVendorsDoNotMix) {
  EXPECT_EQ(FindRaplModel(kIntel, 0x13, 0x01), nullptr) << "Diamond Rapids has no RAPL registers";
  ASSERT_NE(FindRaplModel(kIntel, 0x12, 0x01), nullptr);
  EXPECT_EQ(FindRaplModel(kIntel, 0x12, 0x01)->name, "Nova Lake");
  EXPECT_EQ(FindRaplModel(kIntel, 0x12, 0x55), nullptr) << "Skylake-SP's model number, in another family";
  EXPECT_EQ(FindRaplModel(kIntel, 0x19, 0x01), nullptr);
  EXPECT_EQ(FindRaplModel(kAmd, 6, 0x55), nullptr);
}

TEST(RaplModelTest, OlderAmdFamiliesHaveNoRaplAndLaterOnesAskCpuid) {
  for (const int family : {0x10, 0x14, 0x15, 0x16}) EXPECT_EQ(FindRaplModel(kAmd, family, 0x01), nullptr) << family;
  const RaplModel* later = FindRaplModel(kAmd, 0x1B, 0x00);
  ASSERT_NE(later, nullptr);
  EXPECT_EQ(later->family, kAnyFamily);
  EXPECT_EQ(FindRaplModel(CpuVendor::kHygon, 0x19, 0x00)->family, kAnyFamily);
}

const RaplModel& Row(int model) { return *FindRaplModel(kIntel, 6, model); }

// A guest's KVM answers 0, and 2^-0 J would be one joule for each tick.
TEST(EnergyUnitTest, ZeroIsNoRapl) {
  EXPECT_THAT(DecodeEnergyUnits(0, Row(0x55)),
              StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("virtual machine?")));
  EXPECT_THAT(DecodeEnergyUnits(0xFFFF'FFFF'0000'0000, Row(0x55)),
              StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("virtual machine?")))
      << "the high half is reserved";
  EXPECT_THAT(DecodeEnergyUnits(0, *FindRaplModel(kAmd, 0x19, 1)), StatusIs(absl::StatusCode::kUnimplemented));
}

TEST(EnergyUnitTest, UnitsOutsideTheKnownRangeAreRefused) {
  const auto raw = [](uint64_t esu) { return 0x000A0003 | esu << 8; };
  for (uint64_t esu = 0; esu < 32; ++esu) {
    SCOPED_TRACE(esu);
    EXPECT_EQ(DecodeEnergyUnits(raw(esu), Row(0x55)).ok(), esu >= 10 && esu <= 19);
    EXPECT_EQ(DecodeEnergyUnits(raw(esu), Row(0x37)).ok(), esu >= 1 && esu <= 9);
    EXPECT_EQ(DecodeEnergyUnits(raw(esu), Row(0x4C)).ok(), esu >= 1 && esu <= 19);
  }
  EXPECT_THAT(
      DecodeEnergyUnits(raw(5), Row(0x55)),
      StatusIs(absl::StatusCode::kUnimplemented, testing::AllOf(HasSubstr("0xa0503"), HasSubstr("Skylake-SP"))));
}

}  // namespace
}  // namespace vrapl
