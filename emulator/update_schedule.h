// When a counter is updated: every period, each time a little early or late, as RAPL does. Real counters were measured
// to be updated every 0.999 ms with a deviation of some microseconds.
#pragma once

#include <cstdint>

namespace vrapl {

// A number that looks random, the same for the same arguments. (splitmix64's finalizer.)
constexpr uint64_t Scatter(uint64_t seed, uint64_t index) {
  uint64_t bits = seed + (index + 1) * 0x9E3779B97F4A7C15;
  bits = (bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9;
  bits = (bits ^ (bits >> 27)) * 0x94D049BB133111EB;
  return bits ^ (bits >> 31);
}

// The instants are a function of their index, so that the counter's value at any time can be found without having been
// there: an update is never late because the machine was. Pure; threads: any.
class UpdateSchedule {
 public:
  // Needs 2 x jitter_ns < period_ns, so that the order of updates holds.
  UpdateSchedule(int64_t first_ns, int64_t period_ns, int64_t jitter_ns, uint64_t seed)
      : first_ns_(first_ns), period_ns_(period_ns), jitter_ns_(jitter_ns), seed_(seed) {}

  // The instant of update `index`, counted from 0: first_ns + index periods, +- jitter_ns.
  int64_t Instant(int64_t index) const {
    const uint64_t width = 2 * static_cast<uint64_t>(jitter_ns_) + 1;
    const auto early_or_late = static_cast<int64_t>(Scatter(seed_, static_cast<uint64_t>(index)) % width) - jitter_ns_;
    return first_ns_ + index * period_ns_ + early_or_late;
  }

  // The index of the last update at or before t_ns; -1 before the first.
  int64_t LastIndex(int64_t t_ns) const {
    if (t_ns < first_ns_ - jitter_ns_) return -1;
    int64_t index = (t_ns - first_ns_ + jitter_ns_) / period_ns_;
    if (Instant(index) > t_ns) --index;
    return index;
  }

 private:
  int64_t first_ns_;
  int64_t period_ns_;
  int64_t jitter_ns_;
  uint64_t seed_;
};

}  // namespace vrapl
