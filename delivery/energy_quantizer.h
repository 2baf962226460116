// The energy that a guest is told, in whole quanta, with or without noise. Pure. Threads: any.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

namespace vrapl {

// What is told is a function of the cumulative energy alone, and never falls when that rises: so nothing is carried
// from line to line but the energy itself, and what is told is right to less than one quantum however long the epoch.
//
// Without noise the energy is rounded down. With noise each quantum has a point, uniform within it, at which it is
// told: the mean over all points is the energy itself, where rounding down is half a quantum low. The points follow
// from the seed, so they are the same for every look at the same energy, and looking often does not average them out.
class EnergyQuantizer {
 public:
  // quantum_uj >= 1. No seed: no noise.
  explicit EnergyQuantizer(int64_t quantum_uj, std::optional<uint64_t> seed = std::nullopt)
      : quantum_uj_(std::max<int64_t>(1, quantum_uj)), seed_(seed) {}

  // A multiple of the quantum, less than one quantum away from `energy_uj`, which is not negative.
  int64_t Told(int64_t energy_uj) const {
    const int64_t whole = energy_uj / quantum_uj_;
    const int64_t rest_uj = energy_uj - whole * quantum_uj_;
    const bool up = seed_.has_value() && rest_uj >= PointOf(whole);
    return (whole + (up ? 1 : 0)) * quantum_uj_;
  }

  int64_t quantum_uj() const { return quantum_uj_; }

 private:
  // 1 to quantum: so that r of them are at most r, and r / quantum is the chance to be told.
  int64_t PointOf(int64_t whole) const {
    // SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014).
    uint64_t z = *seed_ + static_cast<uint64_t>(whole + 1) * 0x9E3779B97F4A7C15U;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    z ^= z >> 31;
    return static_cast<int64_t>(z % static_cast<uint64_t>(quantum_uj_)) + 1;
  }

  int64_t quantum_uj_;
  std::optional<uint64_t> seed_;
};

}  // namespace vrapl
