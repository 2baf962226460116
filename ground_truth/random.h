// Random numbers by a seed, the same on every machine: what the distributions of <random> make of a seed is the
// library's own affair.
#pragma once

#include <cmath>
#include <cstdint>

namespace vrapl {

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  // SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators").
  uint64_t Bits() {
    uint64_t z = state_ += 0x9E3779B97F4A7C15;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
  }
  // A generator of its own, so that what one part draws does not move what another part draws.
  Random Fork() { return Random(Bits()); }

  double Uniform() { return static_cast<double>(Bits() >> 11) * 0x1p-53; }  // [0, 1)
  double Uniform(double low, double high) { return low + (high - low) * Uniform(); }
  int Below(int limit) { return static_cast<int>(Uniform() * limit); }
  double Exponential(double mean) { return -mean * std::log1p(-Uniform()); }
  // The sum of twelve uniform numbers: standard deviation 1, never beyond 6.
  double Normal() {
    double sum = -6;
    for (int i = 0; i < 12; ++i) sum += Uniform();
    return sum;
  }

 private:
  uint64_t state_;
};

}  // namespace vrapl
