// One instant on every clock that a reader of a recording may want to join it with.
#pragma once

#include <cstdint>

namespace vrapl {

struct ClockAnchor {
  int64_t monotonic_ns = 0;
  int64_t boottime_ns = 0;
  int64_t realtime_ns = 0;  // since 1970, UTC
  uint64_t tsc = 0;         // the CPU's time stamp counter; 0 where there is none
  int64_t width_ns = 0;     // all of them were read within this time
};

// Now. Of a few tries the one that was quickest, so that an interruption does not part the clocks.
ClockAnchor ReadClockAnchor();

}  // namespace vrapl
