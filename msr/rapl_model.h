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
#include "base/rapl_domain.h"
#include "msr/registers.h"

namespace vrapl {

enum class CpuVendor : uint8_t { kIntel, kAmd, kHygon, kOther };

// How the energy status unit (ESU, bits 12:8 of the unit register) becomes joules.
enum class EnergyUnitRule : uint8_t {
  kPowerOfTwo,       // 2^-ESU J
  kMicrojoules,      // 2^ESU uJ: Silvermont and its relatives
  kByRange,          // sources disagree: ESU >= 10 can only be kPowerOfTwo, ESU <= 9 only kMicrojoules
};

struct RaplModel {
  CpuVendor vendor;
  int family;
  int model;                     // display model, or kAnyModel for a family-wide row; an exact row wins over it
  absl::string_view name;        // "Skylake-SP"
  EnergyUnitRule unit_rule;
  std::optional<double> dram_unit_joules;  // replaces the rule for DRAM
  std::optional<double> psys_unit_joules;  // replaces the rule for psys
  uint32_t domains;              // bit 1 << RaplDomain for each candidate
  absl::string_view source;      // where the row's facts come from
};

inline constexpr int kAnyModel = -1;

// The register that holds `domain`'s energy status on `vendor`'s CPUs, and the unit register.
std::optional<MsrAddress> EnergyStatusRegister(CpuVendor vendor, RaplDomain domain);
MsrAddress PowerUnitRegister(CpuVendor vendor);

absl::Span<const RaplModel> RaplModels();

// The row for a CPU, or null where there is none.
const RaplModel* FindRaplModel(CpuVendor vendor, int family, int model);

}  // namespace vrapl
