#include "emulator/cpu_profiles.h"

#include <algorithm>
#include <array>
#include <functional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/closest_word.h"

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

// ---- from rows of the CPU table ----

constexpr int kTdpW = 100;
constexpr int kStepping = 1;
// Power unit 3 (2^-3 W) and time unit 10 around the ESU, as most parts have them; Silvermont's power unit 5 (32 mW).
constexpr uint64_t kUnitRegister = 0xA0003;
constexpr uint64_t kMicrojouleUnitRegister = 0x5;
// 1 J or 2^-N J, which is what the rows' exceptions are.
TickSize FixedTick(double joules) {
  int esu = 0;
  while (esu < 31 && 1.0 / static_cast<double>(int64_t{1} << esu) > joules) ++esu;
  return TickSize::PowerOfTwo(esu);
}

// The driver keeps one list of the servers whose DRAM it counts in 15300 nJ. Broadwell-DE is not in it: there it takes
// the unit register's, and shows four times what the memory uses.
// Source: Linux drivers/powercap/intel_rapl_common.c, rapl_ids[] and rapl_defaults_hsw_server.
bool PowercapKnowsDramUnit(const RaplModel& row) {
  constexpr int kBroadwellDe = 0x56;
  return row.dram_unit_joules.has_value() && row.model != kBroadwellDe;
}

// By MSR, as the row's source says, or by TPMI, which makes zones of the same names.
bool HasPowercap(const RaplModel& row) {
  return row.access == RaplAccess::kMsrKernelTpmi || absl::StrContains(row.source, "powercap");
}

HighHalf HighHalfOf(const RaplModel& row) {
  if (row.counter_bits == 64) return HighHalf::kCounts;
  return row.psys_unit_joules ? HighHalf::kOther : HighHalf::kZero;  // Sapphire and Emerald Rapids
}

constexpr std::array kVendors = {std::pair("intel", CpuVendor::kIntel), std::pair("amd", CpuVendor::kAmd),
                                 std::pair("hygon", CpuVendor::kHygon)};

absl::string_view VendorName(CpuVendor vendor) {
  for (const auto& [name, value] : kVendors) {
    if (value == vendor) return name;
  }
  return "";
}

bool ParseHex(absl::string_view text, int& value) {
  uint32_t bits = 0;
  if (text.empty() || text.size() > 3 || !absl::SimpleHexAtoi(text, &bits)) return false;
  value = static_cast<int>(bits);
  return true;
}

// A model of the family without a row of its own, so that the family's row is found for it.
int UnlistedModel(CpuVendor vendor, int family) {
  for (int model = 0; model < 0x100; ++model) {
    const RaplModel* row = FindRaplModel(vendor, family, model);
    if (row == nullptr || row->model == kAnyModel) return model;
  }
  return 0;
}

}  // namespace

absl::string_view CpuProfile::vendor_id() const {
  switch (vendor) {
    case CpuVendor::kAmd:
      return "AuthenticAMD";
    case CpuVendor::kHygon:
      return "HygonGenuine";
    case CpuVendor::kIntel:
    case CpuVendor::kOther:
      break;
  }
  return "GenuineIntel";
}

bool CpuProfile::atom_bus_clock() const {
  constexpr std::array kModels = {0x37, 0x4A, 0x4C, 0x4D, 0x5A, 0x5D};
  return vendor == CpuVendor::kIntel && family == 6 &&
         std::find(kModels.begin(), kModels.end(), model) != kModels.end();
}

std::string RowName(const RaplModel& row) {
  return row.model == kAnyModel ? absl::StrFormat("%02X_*", row.family)
                                : absl::StrFormat("%02X_%02X", row.family, row.model);
}

absl::StatusOr<CpuProfile> RowProfile(const RaplModel& row, int family, int model, std::optional<int> esu_wanted) {
  const int esu = esu_wanted.value_or(row.typical_esu);
  const bool microjoules =
      row.unit_rule == EnergyUnitRule::kMicrojoules || (row.unit_rule == EnergyUnitRule::kByRange && esu < 10);
  // The same bounds as DecodeEnergyUnits(): between 1 uJ and 1 mJ.
  if (microjoules ? esu < 1 || esu > 9 : esu < 10 || esu > 19) {
    return absl::InvalidArgumentError(absl::StrCat("ESU ", esu, " makes no energy unit between 1 uJ and 1 mJ on ",
                                                   row.name, "; its usual one is ", row.typical_esu));
  }
  const int64_t tick_uj = microjoules ? int64_t{1} << esu : 0;
  const TickSize tick = microjoules ? TickSize::Microjoules(tick_uj) : TickSize::PowerOfTwo(esu);
  const int64_t tick_nj = microjoules ? tick_uj * 1000 : 1'000'000'000 / (int64_t{1} << esu);

  CpuProfile cpu = {.name = absl::StrFormat("%02X_%02X", family, model),
                    .model_name = absl::StrCat(absl::AsciiStrToUpper(VendorName(row.vendor)), " ", row.name, ", ",
                                               absl::StrFormat("%02X_%02X", family, model)),
                    .vendor = row.vendor,
                    .family = family,
                    .model = model,
                    .stepping = kStepping,
                    .power_unit = (microjoules ? kMicrojouleUnitRegister : kUnitRegister) | static_cast<uint64_t>(esu)
                                                                                                << 8,
                    .tdp_w = kTdpW,
                    .high_half = HighHalfOf(row),
                    .domains = {},
                    .zero_registers = {},
                    .powercap = HasPowercap(row)};
  // In the driver's order of zones.
  for (const RaplDomain domain : {RaplDomain::kPackage, RaplDomain::kCores, RaplDomain::kUncore, RaplDomain::kDram,
                                  RaplDomain::kPsys, RaplDomain::kCore}) {
    const std::optional<MsrAddress> address = EnergyStatusRegister(row.vendor, domain);
    if (!row.Has(domain) || !address) continue;
    DomainProfile profile = {.domain = domain, .energy_status = *address, .tick = tick, .powercap_tick_nj = tick_nj};
    if (domain == RaplDomain::kDram && row.dram_unit_joules) {
      profile.tick = FixedTick(*row.dram_unit_joules);
      if (PowercapKnowsDramUnit(row)) profile.powercap_tick_nj = 15'300;
    }
    if (domain == RaplDomain::kPsys && row.psys_unit_joules) {
      profile.tick = FixedTick(*row.psys_unit_joules);
      profile.powercap_tick_nj = 1'000'000'000 / profile.tick.ticks;
    }
    cpu.domains.push_back(profile);
  }
  return cpu;
}

absl::StatusOr<CpuProfile> ParseCpu(absl::string_view text, std::optional<int> esu) {
  if (const CpuProfile* named = FindCpuProfile(text); named != nullptr) {
    if (!esu) return *named;
    const RaplModel* row = FindRaplModel(named->vendor, named->family, named->model);
    if (row == nullptr) return absl::InvalidArgumentError(absl::StrCat(text, " has no row to change the ESU of"));
    return RowProfile(*row, named->family, named->model, esu);
  }
  absl::string_view vendor;
  absl::string_view numbers = text;
  if (const std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(text, absl::MaxSplits(':', 1));
      absl::StrContains(text, ':')) {
    vendor = parts.first;
    numbers = parts.second;
  }
  const std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(numbers, absl::MaxSplits('_', 1));
  int family = 0;
  int wanted = 0;
  const bool any = parts.second == "*";
  if (!ParseHex(parts.first, family) || (!any && !ParseHex(parts.second, wanted))) {
    std::vector<std::string> names;
    for (const CpuProfile& cpu : CpuProfiles()) names.push_back(cpu.name);
    const std::optional<std::string> close = ClosestWord(std::string(text), names);
    return absl::InvalidArgumentError(absl::StrCat(
        "\"", text, "\" is none of ", absl::StrJoin(names, ", "), close ? absl::StrCat(" (", *close, "?)") : "",
        ", and not a family and model in hex like 06_8F or amd:19_21; see --list-cpus"));
  }
  std::vector<std::pair<CpuVendor, const RaplModel*>> rows;
  bool known_vendor = vendor.empty();
  for (const auto& [name, value] : kVendors) {
    if (!vendor.empty() && vendor != name) continue;
    known_vendor = true;
    const int model = any ? UnlistedModel(value, family) : wanted;
    const RaplModel* row = FindRaplModel(value, family, model);
    if (row != nullptr && (!any || row->model == kAnyModel)) rows.emplace_back(value, row);
  }
  if (!known_vendor) {
    return absl::InvalidArgumentError(absl::StrCat("\"", text, "\": the vendor is intel, amd or hygon"));
  }
  if (rows.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "\"", text, "\": the CPU table has no row for it, so nobody knows its registers; see --list-cpus"));
  }
  // A row for later families is a guess: a listed family wins over it.
  const auto listed = [](const auto& each) { return each.second->family != kAnyFamily; };
  if (std::any_of(rows.begin(), rows.end(), listed)) std::erase_if(rows, std::not_fn(listed));
  if (rows.size() > 1) {
    std::vector<std::string> choices;
    for (const auto& [value, row] : rows) choices.push_back(absl::StrCat(VendorName(value), ":", numbers));
    return absl::InvalidArgumentError(
        absl::StrCat("\"", text, "\" could be ", absl::StrJoin(choices, " or "), ": say which"));
  }
  return RowProfile(*rows.front().second, family, any ? UnlistedModel(rows.front().first, family) : wanted, esu);
}

absl::Span<const CpuProfile> CpuProfiles() { return Table(); }

const CpuProfile* FindCpuProfile(absl::string_view name) {
  const std::vector<CpuProfile>& table = Table();
  const auto found = std::find_if(table.begin(), table.end(), [&](const CpuProfile& cpu) { return cpu.name == name; });
  return found == table.end() ? nullptr : &*found;
}

}  // namespace vrapl
