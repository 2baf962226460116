// The quantities of this project as types: counts of a register, the size of a count, and what they make together.
//
// Counts stay integers from the register to the ledger; a unit multiplies once, where a figure is printed.
// Threads: any; all of it is plain values.
#pragma once

#include <compare>
#include <cstdint>

#include "absl/time/time.h"

namespace vrapl {

// Increments ("ticks") of an energy status register, or of whatever counter stands for one.
struct EnergyTicks {
  uint64_t count = 0;
  friend auto operator<=>(const EnergyTicks&, const EnergyTicks&) = default;
};

constexpr EnergyTicks operator-(EnergyTicks later, EnergyTicks earlier) { return {later.count - earlier.count}; }
constexpr EnergyTicks operator+(EnergyTicks a, EnergyTicks b) { return {a.count + b.count}; }

// The size of one tick. RAPL's powers of two are exact in a double.
struct EnergyUnit {
  double joules_per_tick = 0;
  friend bool operator==(const EnergyUnit&, const EnergyUnit&) = default;
};

struct Joules {
  double value = 0;
};
struct Watts {
  double value = 0;
};

constexpr Joules operator*(EnergyTicks ticks, EnergyUnit unit) {
  return {static_cast<double>(ticks.count) * unit.joules_per_tick};
}

Watts operator/(Joules energy, absl::Duration interval);

// A cumulative count in whole microjoules, rounded to nearest. Energy of an interval in microjoules is the difference
// of two of these, so that what rounding takes from one interval it gives to the next.
int64_t RoundedMicrojoules(EnergyTicks total, EnergyUnit unit);

}  // namespace vrapl
