// PowerIntegral: readings of power, taken now and then, as energy in whole microjoules.
//
// Between two readings power is taken for a straight line from the one to the other. Of what really happened in between
// nothing is known: if power went from one value to the other without leaving the range between them, the error is at
// most half of their difference times the time between them, and for a run of readings at most half of the sum of the
// steps. A peak that came and went between two readings is not seen, and no bound is told for it.
//
// Time that no two good readings enclose is not integrated: after Break(), or longer than kMaxGapNs after the last
// reading, the next one only begins a new interval, and says EOVERFLOW. Nothing old stands in for what was not read.
//
// Threads: one at a time. Nothing here allocates.
#pragma once

#include <cerrno>
#include <cstdint>

#include "base/clock.h"
#include "base/energy_counter.h"
#include "base/units.h"

namespace vrapl {

class PowerIntegral {
 public:
  static constexpr int64_t kMaxGapNs = kNanosPerSecond;
  static constexpr uint64_t kMaxMicrowatts = static_cast<uint64_t>(GuardedCounter::kMaxWatts * 1e6);

  // Power was `microwatts` at now_ns (CLOCK_MONOTONIC). Returns 0 when the energy since the last reading was counted,
  // else why not:
  //   ERANGE     no package uses so much: no reading.
  //   EOVERFLOW  the first reading after a gap: the energy of the gap is unknown, and counting goes on from here.
  // The first reading of all begins, and is no error.
  int Advance(uint64_t microwatts, int64_t now_ns) {
    if (microwatts > kMaxMicrowatts) {
      Break();
      return ERANGE;
    }
    const State before = state_;
    const int64_t dt_ns = now_ns - last_ns_;
    const uint64_t last_microwatts = last_microwatts_;
    state_ = State::kReading;
    last_microwatts_ = microwatts;
    last_ns_ = now_ns;
    if (before == State::kNothing) return 0;
    if (before == State::kBroken || dt_ns > kMaxGapNs || dt_ns < 0) return EOVERFLOW;
    // At most 2 x 2 kW x 1 s, 4e18, and the rest carried: below 2^64.
    rest_ += (last_microwatts + microwatts) * static_cast<uint64_t>(dt_ns);
    total_.count += rest_ / kRestPerMicrojoule;
    rest_ %= kRestPerMicrojoule;
    return 0;
  }

  // A reading failed: what was used until the next good one is unknown.
  void Break() {
    if (state_ == State::kReading) state_ = State::kBroken;
  }

  EnergyTicks total() const { return total_; }  // microjoules

 private:
  enum class State : uint8_t { kNothing, kReading, kBroken };
  // Microwatts times nanoseconds, twice over (the mean of two readings is their sum, halved).
  static constexpr uint64_t kRestPerMicrojoule = 2'000'000'000;

  State state_ = State::kNothing;
  uint64_t last_microwatts_ = 0;
  int64_t last_ns_ = 0;
  uint64_t rest_ = 0;
  EnergyTicks total_;
};

}  // namespace vrapl
