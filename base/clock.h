// Time inside the program: int64 nanoseconds of CLOCK_MONOTONIC. Loops take a Clock, so that tests drive them without
// waiting for time to pass.
#pragma once

#include <cstdint>

#include "absl/time/time.h"

namespace vrapl {

inline constexpr int64_t kNanosPerSecond = 1'000'000'000;
inline constexpr int64_t kNanosPerMilli = 1'000'000;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual int64_t NowNs() const = 0;
  // Returns at or after deadline_ns, at once if that has passed. A signal does not cut it short.
  virtual void SleepUntil(int64_t deadline_ns) const = 0;
  // How long the machine has been suspended since it started: time that NowNs() does not count. May be too small by how
  // long the call took, never too large.
  virtual int64_t SuspendedNs() const = 0;
};

// CLOCK_MONOTONIC itself. Stateless; one for the whole program.
const Clock& RealClock();

int64_t MonotonicNs();
int64_t RealtimeNs();  // CLOCK_REALTIME, for what a person or another machine reads

}  // namespace vrapl
