#include "msr/rapl_model.h"

namespace vrapl {
namespace {

constexpr uint32_t Bit(RaplDomain domain) { return uint32_t{1} << static_cast<int>(domain); }

constexpr uint32_t kPkg = Bit(RaplDomain::kPackage);
constexpr uint32_t kPp0 = Bit(RaplDomain::kCores);
constexpr uint32_t kPp1 = Bit(RaplDomain::kUncore);
constexpr uint32_t kDram = Bit(RaplDomain::kDram);
constexpr uint32_t kPsys = Bit(RaplDomain::kPsys);
constexpr uint32_t kCore = Bit(RaplDomain::kCore);
constexpr uint32_t kNoPsys = kPkg | kPp0 | kPp1 | kDram;
constexpr uint32_t kAll = kNoPsys | kPsys;

constexpr RaplModel Intel(int model, absl::string_view name, uint32_t domains, absl::string_view source) {
  return {.vendor = CpuVendor::kIntel,
          .family = 6,
          .model = model,
          .name = name,
          .unit_rule = EnergyUnitRule::kPowerOfTwo,
          .dram_unit_joules = std::nullopt,
          .psys_unit_joules = std::nullopt,
          .domains = domains,
          .typical_esu = 14,
          .counter_bits = 32,
          .access = RaplAccess::kMsr,
          .source = source};
}
constexpr RaplModel Intel12(int model, absl::string_view name, uint32_t domains, absl::string_view source) {
  RaplModel row = Intel(model, name, domains, source);
  row.family = 0x12;
  return row;
}
// Zen 4 and later count in all 64 bits. A row of a whole family says what holds for each of its models.
// Source: the amd_energy driver's list of CPUs; Linux arch/x86/kernel/cpu/amd.c for the model ranges of a generation.
constexpr int AmdCounterBits(int family, int model) {
  if (family == 0x19) return (model >= 0x10 && model <= 0x1F) || (model >= 0x60 && model <= 0xAF) ? 64 : 32;
  return family == 0x1A ? 64 : 32;
}
constexpr RaplModel Amd(int family, int model, absl::string_view name, absl::string_view source) {
  RaplModel row = Intel(model, name, kPkg | kCore, source);
  row.vendor = CpuVendor::kAmd;
  row.family = family;
  row.typical_esu = 16;
  row.counter_bits = AmdCounterBits(family, model);
  return row;
}
constexpr RaplModel Hygon(int family, int model, absl::string_view name, absl::string_view source) {
  RaplModel row = Amd(family, model, name, source);
  row.vendor = CpuVendor::kHygon;
  return row;
}

// The exceptions, each around the row it applies to.
constexpr RaplModel FixedDram(RaplModel row) {
  row.dram_unit_joules = 1.0 / (1 << 16);
  return row;
}
constexpr RaplModel PsysInJoules(RaplModel row) {
  row.psys_unit_joules = 1.0;
  return row;
}
constexpr RaplModel Esu(int esu, RaplModel row) {
  row.typical_esu = esu;
  return row;
}
constexpr RaplModel Microjoules(RaplModel row) {
  row.unit_rule = EnergyUnitRule::kMicrojoules;
  return Esu(5, row);
}
constexpr RaplModel ByRange(RaplModel row) {
  row.unit_rule = EnergyUnitRule::kByRange;
  return Esu(5, row);
}
constexpr RaplModel KernelTpmi(RaplModel row) {
  row.access = RaplAccess::kMsrKernelTpmi;
  return row;
}

// The last column names who lists the model and was read for the row:
//   perf        Linux arch/x86/events/rapl.c, rapl_model_match[] and the intel_rapl_* structs (2^-16 J)
//   powercap    Linux drivers/powercap/intel_rapl_msr.c and intel_rapl_common.c, rapl_ids[] (15300 nJ, 0.27 % more)
//   turbostat   Linux tools/power/x86/turbostat/turbostat.c, turbostat_pdata[]
//   SDM         Intel SDM vol. 4, the MSR table of the model
//   PAPI PCM LIKWID raplcap amd_energy    the projects of these names
// Domains one source lists and another does not are candidates too: every candidate is probed.
// clang-format off
constexpr RaplModel kModels[] = {
    // Sandy Bridge to Broadwell. Server DRAM counts in 2^-16 J whatever the unit register says: found by measurement on
    // Haswell-EP (Hackenberg 2015) and confirmed on Knights Landing, where the SDM does not mention it.
    Esu(16, Intel(0x2A, "Sandy Bridge", kPkg | kPp0 | kPp1, "perf powercap turbostat PAPI SDM PCM raplcap LIKWID")),
    Esu(16, Intel(0x2D, "Sandy Bridge-EP", kPkg | kPp0 | kDram, "perf powercap turbostat PAPI SDM PCM raplcap LIKWID")),
    Esu(16, Intel(0x3A, "Ivy Bridge", kPkg | kPp0 | kPp1, "perf powercap turbostat PAPI SDM PCM raplcap LIKWID")),
    Esu(16, Intel(0x3E, "Ivy Bridge-EP", kPkg | kPp0 | kDram, "perf powercap turbostat PAPI SDM PCM raplcap LIKWID")),
    Intel(0x3C, "Haswell", kNoPsys, "perf powercap turbostat PAPI SDM PCM raplcap LIKWID"),
    Intel(0x45, "Haswell ULT", kNoPsys, "perf powercap turbostat PAPI SDM PCM raplcap LIKWID"),
    Intel(0x46, "Haswell GT3e", kNoPsys, "perf powercap turbostat PAPI SDM PCM raplcap LIKWID"),
    FixedDram(Intel(0x3F, "Haswell-EP", kPkg | kPp0 | kDram, "perf powercap turbostat PAPI SDM PCM raplcap LIKWID")),
    Intel(0x3D, "Broadwell-U/Y", kNoPsys, "perf powercap turbostat PAPI SDM PCM raplcap LIKWID"),
    Intel(0x47, "Broadwell-H GT3e", kNoPsys, "perf powercap turbostat PAPI SDM PCM raplcap LIKWID"),
    FixedDram(Intel(0x4F, "Broadwell-EP", kNoPsys, "perf powercap turbostat PAPI SDM PCM raplcap LIKWID")),
    FixedDram(Intel(0x56, "Broadwell-DE", kPkg | kPp0 | kDram, "perf powercap turbostat PAPI SDM PCM raplcap LIKWID")),
    // Skylake to Panther Lake. psys needs a board that measures it, DRAM a client that has the register: both are probed.
    // One Skylake-SP row covers Cascade Lake and Cooper Lake, which are steppings of the same model.
    Intel(0x4E, "Skylake-U/Y", kAll, "perf powercap turbostat PAPI SDM PCM raplcap LIKWID"),
    Intel(0x5E, "Skylake-S/H", kAll, "perf powercap turbostat PAPI SDM PCM raplcap LIKWID"),
    FixedDram(Intel(0x55, "Skylake-SP, Cascade Lake, Cooper Lake", kAll, "perf powercap turbostat PAPI SDM PCM raplcap LIKWID")),
    Intel(0x8E, "Kaby Lake-U/Y, Coffee Lake-U, Comet Lake-U", kAll, "perf powercap turbostat PAPI SDM PCM raplcap LIKWID"),
    Intel(0x9E, "Kaby Lake-S/H, Coffee Lake-S/H", kAll, "perf powercap turbostat PAPI SDM PCM raplcap LIKWID"),
    Intel(0xA5, "Comet Lake-S/H", kAll, "perf powercap turbostat PAPI SDM PCM raplcap LIKWID"),
    Intel(0xA6, "Comet Lake-U", kAll, "perf powercap turbostat SDM PCM raplcap LIKWID"),
    Intel(0x66, "Cannon Lake-U", kAll, "perf powercap turbostat SDM raplcap LIKWID"),
    Intel(0x7D, "Ice Lake (desktop)", kAll, "perf powercap SDM PCM raplcap LIKWID"),
    Intel(0x7E, "Ice Lake-U/Y", kAll, "perf powercap turbostat SDM PCM raplcap LIKWID"),
    Intel(0x9D, "Ice Lake NNPI", kAll, "powercap turbostat"),
    FixedDram(Intel(0x6A, "Ice Lake-SP", kAll, "perf powercap turbostat PAPI SDM PCM raplcap LIKWID")),
    FixedDram(Intel(0x6C, "Ice Lake-D", kAll, "perf powercap turbostat SDM PCM raplcap LIKWID")),
    Intel(0xA7, "Rocket Lake-S", kAll, "powercap turbostat PCM LIKWID"),
    Intel(0x8C, "Tiger Lake-U", kAll, "perf powercap turbostat SDM PCM raplcap LIKWID"),
    Intel(0x8D, "Tiger Lake-H", kAll, "perf powercap turbostat SDM PCM raplcap LIKWID"),
    Intel(0x8A, "Lakefield", kAll, "powercap turbostat"),
    Intel(0x97, "Alder Lake-S", kAll, "perf powercap turbostat SDM PCM raplcap"),
    Intel(0x9A, "Alder Lake-P/U/H", kAll, "perf powercap turbostat SDM PCM raplcap"),
    Intel(0xBE, "Alder Lake-N", kAll, "perf powercap turbostat PCM"),
    Intel(0xB7, "Raptor Lake-S/HX", kAll, "perf powercap turbostat PAPI PCM raplcap"),
    Intel(0xBA, "Raptor Lake-P/U", kAll, "perf powercap turbostat PAPI PCM raplcap"),
    Intel(0xBF, "Raptor Lake-S (Alder Lake die)", kAll, "perf powercap turbostat PAPI SDM PCM raplcap"),
    Intel(0xD7, "Bartlett Lake-S", kAll, "powercap turbostat"),
    Intel(0xAC, "Meteor Lake-S", kAll, "perf powercap turbostat"),
    Intel(0xAA, "Meteor Lake-H/U", kAll, "perf powercap turbostat PCM raplcap"),
    Intel(0xC5, "Arrow Lake-H", kAll, "perf powercap turbostat PCM"),
    Intel(0xC6, "Arrow Lake-S", kAll, "perf powercap turbostat PCM"),
    Intel(0xB5, "Arrow Lake-U", kAll, "perf powercap turbostat"),
    Intel(0xBD, "Lunar Lake-M", kAll, "perf powercap turbostat PCM raplcap"),
    Intel(0xCC, "Panther Lake", kAll, "powercap turbostat PCM"),
    Intel(0xD5, "Wildcat Lake", kAll, "powercap turbostat"),
    // Servers from Sapphire Rapids. DRAM is back at the unit register; psys counts whole joules. From Granite Rapids the
    // kernel reads TPMI instead of these registers, which count all the same. Left out: psys of Granite Rapids and Sierra
    // Forest, where turbostat, PCM and raplcap disagree on its unit by a factor of 16384.
    PsysInJoules(Intel(0x8F, "Sapphire Rapids", kPkg | kPp0 | kDram | kPsys, "perf powercap turbostat PAPI PCM raplcap LIKWID")),
    PsysInJoules(Intel(0xCF, "Emerald Rapids", kPkg | kPp0 | kDram | kPsys, "perf powercap turbostat PAPI PCM raplcap LIKWID")),
    KernelTpmi(Intel(0xAD, "Granite Rapids", kPkg | kDram, "turbostat PAPI PCM raplcap LIKWID")),
    KernelTpmi(Intel(0xAE, "Granite Rapids-D", kPkg | kDram, "turbostat PCM raplcap")),
    KernelTpmi(Intel(0xAF, "Sierra Forest", kPkg | kDram, "turbostat PCM raplcap LIKWID")),
    KernelTpmi(Intel(0xB6, "Grand Ridge", kPkg | kDram | kPsys, "turbostat PCM")),
    KernelTpmi(Intel(0xDD, "Clearwater Forest", kPkg | kDram | kPsys, "turbostat")),
    // Atoms. Silvermont counts in 2^ESU uJ; where the sources disagree for its relatives, the value of ESU decides.
    Microjoules(Intel(0x37, "Bay Trail (Silvermont)", kPkg | kPp0, "powercap turbostat PCM raplcap LIKWID")),
    ByRange(Intel(0x4A, "Merrifield (Silvermont)", kPkg | kPp0, "powercap raplcap LIKWID")),
    Esu(16, ByRange(Intel(0x4D, "Avoton (Silvermont)", kPkg | kPp0, "turbostat PCM raplcap LIKWID"))),
    ByRange(Intel(0x5A, "Moorefield (Silvermont)", kPkg | kPp0, "powercap raplcap LIKWID")),
    ByRange(Intel(0x5D, "SoFIA 3G (Silvermont)", kPkg | kPp0, "raplcap LIKWID")),
    ByRange(Intel(0x4C, "Cherry Trail (Airmont)", kPkg | kPp0, "powercap PCM raplcap LIKWID")),
    Intel(0x5C, "Apollo Lake (Goldmont)", kNoPsys, "perf powercap turbostat PAPI PCM raplcap LIKWID"),
    Intel(0x5F, "Denverton (Goldmont)", kNoPsys, "perf powercap turbostat PAPI PCM raplcap"),
    Intel(0x7A, "Gemini Lake (Goldmont Plus)", kNoPsys, "perf powercap turbostat PAPI PCM raplcap"),
    Intel(0x86, "Snow Ridge (Tremont)", kPkg, "powercap turbostat PCM raplcap"),
    Intel(0x96, "Elkhart Lake (Tremont)", kNoPsys, "powercap turbostat PCM raplcap"),
    Intel(0x9C, "Jasper Lake (Tremont)", kNoPsys, "powercap turbostat PCM raplcap"),
    // Knights.
    FixedDram(Intel(0x57, "Knights Landing", kPkg | kDram, "perf powercap turbostat PAPI PCM raplcap LIKWID")),
    FixedDram(Intel(0x85, "Knights Mill", kPkg | kDram, "perf powercap turbostat PAPI raplcap LIKWID")),
    // Family 18 (0x12): the model numbers start anew.
    Intel12(0x01, "Nova Lake", kAll, "powercap turbostat"),
    Intel12(0x03, "Nova Lake-L", kAll, "powercap turbostat"),
    // AMD: one rule for a family; the rows of models only give them a name and more sources.
    Amd(0x17, kAnyModel, "Zen to Zen 2 (family 17h)", "perf powercap turbostat"),
    Amd(0x17, 0x01, "Zen Summit Ridge/Naples/Whitehaven", "perf powercap turbostat PAPI LIKWID"),
    Amd(0x17, 0x08, "Zen+ Pinnacle Ridge/Colfax", "perf powercap turbostat PAPI LIKWID"),
    Amd(0x17, 0x11, "Zen Raven Ridge", "perf powercap turbostat PAPI"),
    Amd(0x17, 0x18, "Zen+ Picasso", "perf powercap turbostat PAPI LIKWID"),
    Amd(0x17, 0x20, "Zen Raven2/Dali", "perf powercap turbostat PAPI"),
    Amd(0x17, 0x31, "Zen 2 Rome/Castle Peak", "perf powercap turbostat PAPI LIKWID amd_energy"),
    Amd(0x17, 0x60, "Zen 2 Renoir", "perf powercap turbostat PAPI LIKWID"),
    Amd(0x17, 0x68, "Zen 2 Lucienne", "perf powercap turbostat PAPI"),
    Amd(0x17, 0x71, "Zen 2 Matisse", "perf powercap turbostat PAPI LIKWID"),
    Amd(0x17, 0x90, "Zen 2 Van Gogh", "perf powercap turbostat PAPI"),
    Amd(0x17, 0xA0, "Zen 2 Mendocino", "perf powercap turbostat PAPI"),
    Amd(0x19, kAnyModel, "Zen 3 and Zen 4 (family 19h)", "perf powercap turbostat"),
    Amd(0x19, 0x00, "Zen 3 server (A0 stepping)", "perf powercap turbostat amd_energy"),
    Amd(0x19, 0x01, "Zen 3 Milan", "perf powercap turbostat PAPI LIKWID amd_energy"),
    Amd(0x19, 0x08, "Zen 3 Chagall (Threadripper 5000)", "perf powercap turbostat LIKWID"),
    Amd(0x19, 0x21, "Zen 3 Vermeer", "perf powercap turbostat PAPI LIKWID"),
    Amd(0x19, 0x30, "Zen 3 Trento", "perf powercap turbostat amd_energy"),
    Amd(0x19, 0x44, "Zen 3+ Rembrandt", "perf powercap turbostat PAPI"),
    Amd(0x19, 0x50, "Zen 3 Cezanne/Barcelo", "perf powercap turbostat PAPI LIKWID"),
    Amd(0x19, 0x10, "Zen 4 Genoa (A0 stepping)", "perf powercap turbostat amd_energy"),
    Amd(0x19, 0x11, "Zen 4 Genoa", "perf powercap turbostat LIKWID amd_energy"),
    Amd(0x19, 0x18, "Zen 4 Storm Peak (Threadripper 7000)", "perf powercap turbostat"),
    Amd(0x19, 0x61, "Zen 4 Raphael/Dragon Range", "perf powercap turbostat LIKWID"),
    Amd(0x19, 0x74, "Zen 4 Phoenix/Hawk Point", "perf powercap turbostat LIKWID"),
    Amd(0x19, 0x75, "Zen 4 Phoenix (desktop)/Hawk Point", "perf powercap turbostat LIKWID"),
    Amd(0x19, 0x78, "Zen 4 Phoenix2", "perf powercap turbostat"),
    Amd(0x19, 0x7C, "Zen 4 Hawk Point2", "perf powercap turbostat"),
    Amd(0x19, 0x90, "Zen 4 MI300A", "perf powercap turbostat LIKWID amd_energy"),
    Amd(0x19, 0xA0, "Zen 4c Bergamo/Siena", "perf powercap turbostat LIKWID amd_energy"),
    Amd(0x1A, kAnyModel, "Zen 5 and Zen 6 (family 1Ah)", "perf powercap turbostat"),
    Amd(0x1A, 0x00, "Zen 5 server (A0 stepping)", "perf powercap turbostat amd_energy"),
    Amd(0x1A, 0x02, "Zen 5 Turin", "perf powercap turbostat LIKWID amd_energy"),
    Amd(0x1A, 0x08, "Zen 5 Shimada Peak (Threadripper 9000)", "perf powercap turbostat"),
    Amd(0x1A, 0x10, "Zen 5c server", "perf powercap turbostat amd_energy"),
    Amd(0x1A, 0x11, "Zen 5c Turin Dense", "perf powercap turbostat LIKWID amd_energy"),
    Amd(0x1A, 0x24, "Zen 5 Strix Point", "perf powercap turbostat"),
    Amd(0x1A, 0x44, "Zen 5 Granite Ridge/Fire Range", "perf powercap turbostat energymon#53"),
    Amd(0x1A, 0x60, "Zen 5 Krackan Point", "perf powercap turbostat"),
    Amd(0x1A, 0x70, "Zen 5 Strix Halo", "perf powercap turbostat"),
    Amd(0x1A, 0x50, "Zen 6 client", "perf powercap turbostat"),
    Hygon(0x18, kAnyModel, "Hygon Dhyana (family 18h)", "perf powercap turbostat"),
};
// clang-format on

// AMD and Hygon announce RAPL with a CPUID bit of its own, so later families need no row of theirs.
constexpr RaplModel kLaterAmd = Amd(kAnyFamily, kAnyModel, "AMD, unlisted family", "perf turbostat");
constexpr RaplModel kLaterHygon = Hygon(kAnyFamily, kAnyModel, "Hygon, unlisted family", "perf turbostat");

// turbostat declares no RAPL registers for these; the kernel finds their counters by TPMI's own PCI capability.
constexpr TpmiModel kTpmiModels[] = {
    {.vendor = CpuVendor::kIntel,
     .family = 0x13,
     .model = 0x01,
     .name = "Diamond Rapids",
     .source = "Linux drivers/powercap/intel_rapl_tpmi.c; turbostat"},
};

}  // namespace

std::optional<MsrAddress> EnergyStatusRegister(CpuVendor vendor, RaplDomain domain) {
  if (vendor == CpuVendor::kAmd || vendor == CpuVendor::kHygon) {
    if (domain == RaplDomain::kPackage) return kAmdPkgEnergyStatus;
    if (domain == RaplDomain::kCore) return kAmdCoreEnergyStatus;
    return std::nullopt;
  }
  if (vendor != CpuVendor::kIntel) return std::nullopt;
  switch (domain) {
    case RaplDomain::kPackage:
      return kMsrPkgEnergyStatus;
    case RaplDomain::kCores:
      return kMsrPp0EnergyStatus;
    case RaplDomain::kUncore:
      return kMsrPp1EnergyStatus;
    case RaplDomain::kDram:
      return kMsrDramEnergyStatus;
    case RaplDomain::kPsys:
      return kMsrPlatformEnergyStatus;
    case RaplDomain::kCore:
      return std::nullopt;
  }
  return std::nullopt;
}

MsrAddress PowerUnitRegister(CpuVendor vendor) {
  return vendor == CpuVendor::kAmd || vendor == CpuVendor::kHygon ? kAmdRaplPowerUnit : kMsrRaplPowerUnit;
}

absl::Span<const RaplModel> RaplModels() { return kModels; }

const TpmiModel* FindTpmiModel(CpuVendor vendor, int family, int model) {
  for (const TpmiModel& entry : kTpmiModels) {
    if (entry.vendor == vendor && entry.family == family && entry.model == model) return &entry;
  }
  return nullptr;
}

const RaplModel* FindRaplModel(CpuVendor vendor, int family, int model) {
  const RaplModel* of_family = nullptr;
  for (const RaplModel& row : kModels) {
    if (row.vendor != vendor || row.family != family) continue;
    if (row.model == model) return &row;
    if (row.model == kAnyModel) of_family = &row;
  }
  if (of_family != nullptr) return of_family;
  if (vendor == CpuVendor::kAmd && family > 0x1A) return &kLaterAmd;
  if (vendor == CpuVendor::kHygon && family > 0x18) return &kLaterHygon;
  return nullptr;
}

}  // namespace vrapl
