#include "emulator/cpu_profiles.h"

#include <algorithm>

namespace vrapl {
namespace {

// Ordinary domains of one unit register: 2^-esu J.
DomainProfile PowerOfTwo(RaplDomain domain, MsrAddress energy_status, int esu) {
  return {.domain = domain,
          .energy_status = energy_status,
          .tick = TickSize::PowerOfTwo(esu),
          .powercap_tick_nj = 1'000'000'000 / (int64_t{1} << esu)};
}
DomainProfile Pkg(int esu) { return PowerOfTwo(RaplDomain::kPackage, kMsrPkgEnergyStatus, esu); }
DomainProfile Pp0(int esu) { return PowerOfTwo(RaplDomain::kCores, kMsrPp0EnergyStatus, esu); }
DomainProfile Pp1(int esu) { return PowerOfTwo(RaplDomain::kUncore, kMsrPp1EnergyStatus, esu); }
DomainProfile Dram(int esu) { return PowerOfTwo(RaplDomain::kDram, kMsrDramEnergyStatus, esu); }
DomainProfile Psys(int esu) { return PowerOfTwo(RaplDomain::kPsys, kMsrPlatformEnergyStatus, esu); }
DomainProfile AmdPkg(int esu) { return PowerOfTwo(RaplDomain::kPackage, kAmdPkgEnergyStatus, esu); }
DomainProfile AmdCore(int esu) { return PowerOfTwo(RaplDomain::kCore, kAmdCoreEnergyStatus, esu); }

// Server DRAM: 2^-16 J whatever the unit register says. Hackenberg 2015 measured 15.3 uJ, which powercap uses.
DomainProfile FixedDram() {
  DomainProfile dram = Dram(16);
  dram.powercap_tick_nj = 15'300;
  return dram;
}

// Silvermont: 2^ESU uJ.
DomainProfile Microjoules(RaplDomain domain, MsrAddress energy_status, int esu) {
  const int64_t tick_uj = int64_t{1} << esu;
  return {.domain = domain,
          .energy_status = energy_status,
          .tick = TickSize::Microjoules(tick_uj),
          .powercap_tick_nj = tick_uj * 1000};
}

// Unit register values as users report them: 0xA0E03 is ESU 14 (61 uJ), 0xA1003 ESU 16 (15.3 uJ), 0x505 ESU 5.
// Models, domains and exceptions: Intel SDM vol. 4; Linux arch/x86/events/rapl.c and intel_rapl_common.c.
const std::vector<CpuProfile>& Table() {
  static const auto& table = *new std::vector<CpuProfile>{
      {.name = "sandy-bridge",
       .model_name = "Intel(R) Core(TM) i7-2600 CPU @ 3.40GHz",
       .vendor = CpuVendor::kIntel,
       .family = 6,
       .model = 0x2A,
       .stepping = 7,
       .power_unit = 0xA1003,
       .tdp_w = 95,
       .high_half = HighHalf::kZero,
       .domains = {Pkg(16), Pp0(16), Pp1(16)},
       .zero_registers = {}},
      {.name = "haswell",
       .model_name = "Intel(R) Core(TM) i7-4790 CPU @ 3.60GHz",
       .vendor = CpuVendor::kIntel,
       .family = 6,
       .model = 0x3C,
       .stepping = 3,
       .power_unit = 0xA0E03,
       .tdp_w = 84,
       .high_half = HighHalf::kZero,
       .domains = {Pkg(14), Pp0(14), Pp1(14), Dram(14)},
       .zero_registers = {}},
      {.name = "skylake",
       .model_name = "Intel(R) Core(TM) i7-6700 CPU @ 3.40GHz",
       .vendor = CpuVendor::kIntel,
       .family = 6,
       .model = 0x5E,
       .stepping = 3,
       .power_unit = 0xA0E03,
       .tdp_w = 65,
       .high_half = HighHalf::kZero,
       .domains = {Pkg(14), Pp0(14), Pp1(14), Dram(14), Psys(14)},
       .zero_registers = {}},
      {.name = "skylake-sp",
       .model_name = "Intel(R) Xeon(R) Gold 6148 CPU @ 2.40GHz",
       .vendor = CpuVendor::kIntel,
       .family = 6,
       .model = 0x55,
       .stepping = 4,
       .power_unit = 0xA0E03,
       .tdp_w = 150,
       .high_half = HighHalf::kZero,
       .domains = {Pkg(14), FixedDram()},
       .zero_registers = {kMsrPp0EnergyStatus}},  // servers since Haswell-EP have the register and do not count in it
      {.name = "sapphire-rapids",
       .model_name = "Intel(R) Xeon(R) Platinum 8480+",
       .vendor = CpuVendor::kIntel,
       .family = 6,
       .model = 0x8F,
       .stepping = 8,
       .power_unit = 0xA0E03,
       .tdp_w = 350,
       .high_half = HighHalf::kOther,
       .domains = {Pkg(14), Dram(14), Psys(0)},  // psys: 1 J
       .zero_registers = {kMsrPp0EnergyStatus}},
      {.name = "silvermont",
       .model_name = "Intel(R) Celeron(R) CPU  N2820  @ 2.13GHz",
       .vendor = CpuVendor::kIntel,
       .family = 6,
       .model = 0x37,
       .stepping = 3,
       .power_unit = 0x505,
       .tdp_w = 8,
       .high_half = HighHalf::kZero,
       .domains = {Microjoules(RaplDomain::kPackage, kMsrPkgEnergyStatus, 5),
                   Microjoules(RaplDomain::kCores, kMsrPp0EnergyStatus, 5)},
       .zero_registers = {}},
      {.name = "zen3",
       .model_name = "AMD EPYC 7763 64-Core Processor",
       .vendor = CpuVendor::kAmd,
       .family = 0x19,
       .model = 0x01,
       .stepping = 1,
       .power_unit = 0xA1003,
       .tdp_w = 280,
       .high_half = HighHalf::kZero,
       .domains = {AmdPkg(16), AmdCore(16)},
       .zero_registers = {}},
      {.name = "zen4",
       .model_name = "AMD EPYC 9654 96-Core Processor",
       .vendor = CpuVendor::kAmd,
       .family = 0x19,
       .model = 0x11,
       .stepping = 1,
       .power_unit = 0xA1003,
       .tdp_w = 360,
       .high_half = HighHalf::kCounts,
       .domains = {AmdPkg(16), AmdCore(16)},
       .zero_registers = {}},
      {.name = "zen5",
       .model_name = "AMD EPYC 9755 128-Core Processor",
       .vendor = CpuVendor::kAmd,
       .family = 0x1A,
       .model = 0x02,
       .stepping = 1,
       .power_unit = 0xA1003,
       .tdp_w = 500,
       .high_half = HighHalf::kCounts,
       .domains = {AmdPkg(16), AmdCore(16)},
       .zero_registers = {}},
  };
  return table;
}

}  // namespace

absl::Span<const CpuProfile> CpuProfiles() { return Table(); }

const CpuProfile* FindCpuProfile(absl::string_view name) {
  const std::vector<CpuProfile>& table = Table();
  const auto found = std::find_if(table.begin(), table.end(), [&](const CpuProfile& cpu) { return cpu.name == name; });
  return found == table.end() ? nullptr : &*found;
}

}  // namespace vrapl
