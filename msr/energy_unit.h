// Energy unit of each domain, from MSR_RAPL_POWER_UNIT (AMD: the register of the same layout at 0xC0010299).
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "base/rapl_domain.h"
#include "base/units.h"
#include "msr/rapl_model.h"

namespace vrapl {

struct EnergyUnits {
  EnergyUnit common;  // package, cores, uncore, and AMD's core
  EnergyUnit dram;
  EnergyUnit psys;
  EnergyUnit For(RaplDomain domain) const;
};

//   power_unit  raw 64-bit value; bits 12:8 are the energy status unit (ESU), normally 2^-ESU J.
//   model       supplies the exceptions: DRAM fixed at 2^-16 J, psys at 1 J, and so on.
//
// A unit must lie between 1 uJ and 1 mJ, where all known ones do (3.8 to 122 uJ). The two ways to read ESU do not
// overlap there, so a register read by the wrong rule is noticed, and kByRange can choose.
//
// Errors: UNIMPLEMENTED when the register is 0 (a virtual machine's answer; it would mean 1 J) or gives no such unit.
// Threads: any.
// Source: Intel SDM vol. 3B, "RAPL Interfaces"; Linux arch/x86/events/rapl.c, rapl_check_hw_unit().
absl::StatusOr<EnergyUnits> DecodeEnergyUnits(uint64_t power_unit, const RaplModel& model);

}  // namespace vrapl
