// Things that go wrong on real hosts, on demand.
#pragma once

#include <cstdint>
#include <limits>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "msr/registers.h"

namespace vrapl {

// One fault, in force from from_ns to until_ns after the start.
//   eio:0x619[@AFTER[+FOR]]      the register is not there: EIO (powercap: EINVAL)
//   zero:0x611[@AFTER[+FOR]]     the register reads 0, as in a virtual machine
//   offline:cpu1[@AFTER[+FOR]]   the CPU is offline: ENXIO
//   freeze:AFTER[+FOR]           no counter moves; afterwards they show all that was used meanwhile
// AFTER and FOR are durations ("10s"); without them, from the start and for ever.
struct Fault {
  enum class Kind : uint8_t { kEio, kZero, kOffline, kFreeze };

  Kind kind = Kind::kFreeze;
  MsrAddress address = 0;
  int cpu = -1;
  int64_t from_ns = 0;
  int64_t until_ns = std::numeric_limits<int64_t>::max();

  bool At(int64_t t_ns) const { return t_ns >= from_ns && t_ns < until_ns; }

  static absl::StatusOr<Fault> Parse(absl::string_view spec);
};

}  // namespace vrapl
