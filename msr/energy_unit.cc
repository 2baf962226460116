#include "msr/energy_unit.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace vrapl {
namespace {

// Smallest ESU that 2^-ESU J puts below 1 mJ; below it, 2^ESU uJ is.
constexpr int kFirstPowerOfTwo = 10;
constexpr int kLastPowerOfTwo = 19;

}  // namespace

EnergyUnit EnergyUnits::For(RaplDomain domain) const {
  if (domain == RaplDomain::kDram) return dram;
  if (domain == RaplDomain::kPsys) return psys;
  return common;
}

absl::StatusOr<EnergyUnits> DecodeEnergyUnits(uint64_t power_unit, const RaplModel& model) {
  if (static_cast<uint32_t>(power_unit) == 0) {
    return absl::UnimplementedError("the power unit register is 0: no RAPL (virtual machine?)");
  }
  const int esu = static_cast<int>(power_unit >> 8 & 0x1F);
  const bool power_of_two = model.unit_rule == EnergyUnitRule::kPowerOfTwo ||
                            (model.unit_rule == EnergyUnitRule::kByRange && esu >= kFirstPowerOfTwo);
  const bool known =
      power_of_two ? esu >= kFirstPowerOfTwo && esu <= kLastPowerOfTwo : esu >= 1 && esu < kFirstPowerOfTwo;
  if (!known) {
    return absl::UnimplementedError(absl::StrCat("the power unit register is 0x", absl::Hex(power_unit),
                                                 ": energy unit ", esu, " is none that ", model.name, " can have"));
  }
  const double steps = static_cast<double>(uint32_t{1} << esu);
  const EnergyUnit common{power_of_two ? 1.0 / steps : steps * 1e-6};
  return EnergyUnits{.common = common,
                     .dram = {model.dram_unit_joules.value_or(common.joules_per_tick)},
                     .psys = {model.psys_unit_joules.value_or(common.joules_per_tick)}};
}

}  // namespace vrapl
