// The CPU table: for each CPU model, which RAPL domains it has, in which registers, and how their unit is found.
//
// A model is one row. Domains of a row are candidates: each is probed at run time whatever the table says, because
// boards and BIOSes differ. A model without a row is refused rather than guessed.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/cpu_model.h"
#include "base/rapl_domain.h"
#include "msr/registers.h"

namespace vrapl {

// How the energy status unit (ESU, bits 12:8 of the unit register) becomes joules.
enum class EnergyUnitRule : uint8_t {
  kPowerOfTwo,   // 2^-ESU J
  kMicrojoules,  // 2^ESU uJ: Silvermont
  kByRange,      // sources disagree: ESU >= 10 can only be kPowerOfTwo, ESU <= 9 only kMicrojoules
};

// Who else reads the counters behind a model's registers.
enum class RaplAccess : uint8_t {
  kMsr,            // the kernel reads the same registers (its drivers perf "power" and intel_rapl_msr)
  kMsrKernelTpmi,  // the registers count, but the kernel takes the energy from TPMI (driver intel_rapl_tpmi)
};

inline constexpr int kAnyModel = -1;
inline constexpr int kAnyFamily = -1;

struct RaplModel {
  CpuVendor vendor;
  int family;              // display family; kAnyFamily only in the rows that FindRaplModel() gives for later AMD parts
  int model;               // display model, or kAnyModel for a family-wide row; an exact row wins over it
  absl::string_view name;  // "Haswell-EP"
  EnergyUnitRule unit_rule;
  std::optional<double> dram_unit_joules;  // replaces the rule for DRAM
  std::optional<double> psys_unit_joules;  // replaces the rule for psys
  uint32_t domains;                        // bit 1 << RaplDomain for each candidate
  int typical_esu;                         // the usual ESU: for emulation and tests; a reader takes the register's
  int counter_bits;                        // that count in an energy status register; we read the low 32 of any
  RaplAccess access;
  absl::string_view source;  // where the row's facts come from; rapl_model.cc explains the names

  constexpr bool Has(RaplDomain domain) const { return (domains >> static_cast<int>(domain) & 1) != 0; }
};

// The register that holds `domain`'s energy status on `vendor`'s CPUs, and the unit register.
std::optional<MsrAddress> EnergyStatusRegister(CpuVendor vendor, RaplDomain domain);
MsrAddress PowerUnitRegister(CpuVendor vendor);

absl::Span<const RaplModel> RaplModels();

// A CPU that has RAPL, but none of its registers: the counters are behind TPMI, which only the kernel reads.
struct TpmiModel {
  CpuVendor vendor;
  int family;
  int model;
  absl::string_view name;
  absl::string_view source;
};

// The entry for a CPU, or null where it is none of these.
const TpmiModel* FindTpmiModel(CpuVendor vendor, int family, int model);

// The row for a CPU, or null where there is none. AMD and Hygon families after the table's get a row of family
// kAnyFamily: it holds where CPUID announces RAPL (CpuModel::rapl), because there the bit, not the model, is the rule.
const RaplModel* FindRaplModel(CpuVendor vendor, int family, int model);

}  // namespace vrapl
