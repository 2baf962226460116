// The CPUs that can be emulated: what each one's registers and powercap files look like.
//
// Some have a name and were written by hand, from the sources and not from the table that vrapl reads by: a wrong unit
// there must show, not cancel out. Every other model is made from its row of that table (RowProfile), so that no row is
// left that has not been read once.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/cpu_model.h"
#include "base/rapl_domain.h"
#include "emulator/power_source.h"
#include "msr/rapl_model.h"
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
  std::string name;        // --cpu=NAME
  std::string model_name;  // for /proc/cpuinfo, where " (emulated)" follows
  CpuVendor vendor;
  int family;
  int model;
  int stepping;
  uint64_t power_unit;  // the raw unit register
  int tdp_w;
  HighHalf high_half;
  std::vector<DomainProfile> domains;      // in the order powercap numbers them; the package first
  std::vector<MsrAddress> zero_registers;  // exist and always read 0

  bool powercap = true;  // the kernel has zones for it

  absl::string_view vendor_id() const;
  // Silvermont and Airmont, whose clock MSR_FSB_FREQ tells.
  bool atom_bus_clock() const;
  bool amd() const { return vendor != CpuVendor::kIntel; }  // AMD's registers, which Hygon's CPUs have too
};

// The CPUs that have a name.
absl::Span<const CpuProfile> CpuProfiles();

// Null where there is none of that name.
const CpuProfile* FindCpuProfile(absl::string_view name);

// A CPU as its row of the CPU table says: each candidate domain counts, in the row's register and unit, and the unit
// register holds the row's typical ESU, or `esu`. What a row does not say is the same for all: stepping 1, TDP 100 W.
// A row for a whole family, or for later families, stands for the CPU `family`, `model`.
//
// Errors: INVALID_ARGUMENT for an ESU that the row's rule makes no unit of.
absl::StatusOr<CpuProfile> RowProfile(const RaplModel& row, int family, int model, std::optional<int> esu = {});

// The CPU that `text` means: a name (skylake-sp), or family and model in hex as in 06_8F, for which the CPU table must
// have a row; with the vendor before it (amd:19_21) where families of two vendors have the number. A model of * is one
// without a row of its own: the family's row. With `esu`, the same CPU with another energy unit in its register.
//
// Errors: INVALID_ARGUMENT, with what could be meant.
absl::StatusOr<CpuProfile> ParseCpu(absl::string_view text, std::optional<int> esu = {});

// What ParseCpu() takes for a row, for lists and tests: "06_8F", "19_21", "19_*".
std::string RowName(const RaplModel& row);

// energy_uj and max_energy_range_uj of powercap for a raw 32-bit counter value.
// Source: Linux drivers/powercap/intel_rapl_common.c, rapl_unit_xlate() and get_max_energy_counter().
constexpr uint64_t PowercapMicrojoules(uint32_t ticks, int64_t tick_nj) {
  return static_cast<uint64_t>(static_cast<unsigned __int128>(ticks) * static_cast<uint64_t>(tick_nj) / 1000);
}

}  // namespace vrapl
