// A counter that never moves is no measurement: some virtual machines answer RAPL registers with a constant.
#pragma once

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/energy_source.h"

namespace vrapl {

// How long a counter of real hardware, updated about every millisecond, may stand still before we call it frozen; and
// how long in a virtual machine, where emulated counters are updated about once a second (QEMU's vmsr helper).
inline constexpr absl::Duration kFrozenAfter = absl::Milliseconds(50);
inline constexpr absl::Duration kFrozenAfterInVm = absl::Seconds(3);
// A sensor of power is no counter that must move each millisecond: what it reads is energy as soon as it is not 0 W. It
// is read every 10 ms, and less often where that takes long.
inline constexpr absl::Duration kFrozenAfterForPower = absl::Seconds(3);

// Reads `source` every millisecond until its package counter moves, at most for `patience`: 1 to 2 ms on real hardware.
//
// Errors: FAILED_PRECONDITION when it did not move, the error of the last read when none succeeded. Threads: not while
// another thread reads `source`.
absl::Status CheckMoving(EnergySource& source, const Clock& clock, absl::Duration patience = kFrozenAfter);

}  // namespace vrapl
