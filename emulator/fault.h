// Things that go wrong on real hosts, on demand.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/rapl_domain.h"
#include "emulator/power_source.h"
#include "msr/registers.h"

namespace vrapl {

// One fault, in force from from_ns to until_ns after the start: WHAT[@AFTER[+FOR]], where WHAT is
//   eio:REGISTER          the register is not there: EIO (powercap: EINVAL)
//   zero:REGISTER         the register reads 0, as in a virtual machine
//   dirty:REGISTER        bits 63:32 hold something that is no energy
//   backwards:REGISTER=N  the counter shows N ticks less than it counted (=5J: so many joules), which is no wraparound
//   freeze[:REGISTER]     the counter, or every counter, stands still; afterwards it shows all that was used meanwhile
//   zero-unit             the unit register reads 0
//   offline:cpu1          the CPU is offline: ENXIO, and its topology is gone
//   online:cpu1@AFTER     it comes back: an offline of it ends here; without one, it was offline from the start
// REGISTER is a number (0x619) or a domain (dram), and with /package1 behind it only that package's.
// AFTER and FOR are durations ("10s"); without them, from the start and for ever. freeze:AFTER[+FOR] is freeze@....
struct Fault {
  enum class Kind : uint8_t { kEio, kZero, kDirty, kBackwards, kFreeze, kZeroUnit, kOffline, kOnline };

  Kind kind = Kind::kFreeze;
  MsrAddress address = 0;  // 0 where `domain` says it, or where it is every one
  std::optional<RaplDomain> domain;
  int package_id = -1;  // -1: of every package
  int cpu = -1;
  uint64_t ticks = 0;      // of kBackwards: so many,
  ExactEnergy energy = 0;  // or, where that is not 0, what makes this energy
  int64_t from_ns = 0;
  int64_t until_ns = std::numeric_limits<int64_t>::max();

  bool At(int64_t t_ns) const { return t_ns >= from_ns && t_ns < until_ns; }

  static absl::StatusOr<Fault> Parse(absl::string_view spec);
};

// Faults as a host acts on them: every `online` has become the end of an `offline`.
std::vector<Fault> JoinOnline(std::vector<Fault> faults);

}  // namespace vrapl
