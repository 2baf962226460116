#include "base/clock_anchor.h"

#include <ctime>

#include "base/clock.h"
#ifdef __x86_64__
#include <x86intrin.h>
#endif

namespace vrapl {
namespace {

int64_t ReadNs(clockid_t id) {
  timespec now{};
  ::clock_gettime(id, &now);
  return now.tv_sec * kNanosPerSecond + now.tv_nsec;
}

uint64_t ReadTsc() {
#ifdef __x86_64__
  return __rdtsc();
#else
  return 0;
#endif
}

ClockAnchor TryOnce() {
  const int64_t before_ns = ReadNs(CLOCK_MONOTONIC);
  ClockAnchor anchor{.boottime_ns = ReadNs(CLOCK_BOOTTIME), .realtime_ns = ReadNs(CLOCK_REALTIME), .tsc = ReadTsc()};
  anchor.width_ns = ReadNs(CLOCK_MONOTONIC) - before_ns;
  anchor.monotonic_ns = before_ns + anchor.width_ns / 2;
  return anchor;
}

}  // namespace

ClockAnchor ReadClockAnchor() {
  ClockAnchor best = TryOnce();
  for (int i = 0; i < 4; ++i) {
    if (const ClockAnchor next = TryOnce(); next.width_ns < best.width_ns) best = next;
  }
  return best;
}

}  // namespace vrapl
