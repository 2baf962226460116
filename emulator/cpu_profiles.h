// The CPUs that can be emulated: what each one's registers and powercap files look like. A table of its own, not the
// one that vrapl reads by: a wrong unit there must show, not cancel out.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/cpu_model.h"
#include "base/rapl_domain.h"
#include "emulator/power_source.h"
#include "msr/registers.h"

namespace vrapl {

// What bits 63:32 of an energy status register hold.
enum class HighHalf : uint8_t {
  kZero,
  kCounts,  // the counter goes on: 64 bits, AMD from Zen 4
  kOther,   // something that is no energy, as seen on Sapphire Rapids: readers must mask
};

struct DomainProfile {
  RaplDomain domain;
  MsrAddress energy_status;
  TickSize tick;
  // The powercap driver's idea of the same tick, in whole nanojoules: it truncates, and takes 15300 nJ for DRAM's fixed
  // 2^-16 J. Its energy_uj and max_energy_range_uj come of this.
  int64_t powercap_tick_nj;
};

struct CpuProfile {
  absl::string_view name;        // --cpu=NAME
  absl::string_view model_name;  // for /proc/cpuinfo, where " (emulated)" follows
  CpuVendor vendor;
  int family;
  int model;
  int stepping;
  uint64_t power_unit;  // the raw unit register
  int tdp_w;
  HighHalf high_half;
  std::vector<DomainProfile> domains;      // in the order powercap numbers them; the package first
  std::vector<MsrAddress> zero_registers;  // exist and always read 0

  absl::string_view vendor_id() const { return vendor == CpuVendor::kIntel ? "GenuineIntel" : "AuthenticAMD"; }
};

absl::Span<const CpuProfile> CpuProfiles();

// Null where there is none of that name.
const CpuProfile* FindCpuProfile(absl::string_view name);

// energy_uj and max_energy_range_uj of powercap for a raw 32-bit counter value.
// Source: Linux drivers/powercap/intel_rapl_common.c, rapl_unit_xlate() and get_max_energy_counter().
constexpr uint64_t PowercapMicrojoules(uint32_t ticks, int64_t tick_nj) {
  return static_cast<uint64_t>(static_cast<unsigned __int128>(ticks) * static_cast<uint64_t>(tick_nj) / 1000);
}

}  // namespace vrapl
