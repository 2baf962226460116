#include "base/units.h"

#include <cmath>

namespace vrapl {

Watts operator/(Joules energy, absl::Duration interval) { return {energy.value / absl::ToDoubleSeconds(interval)}; }

int64_t RoundedMicrojoules(EnergyTicks total, EnergyUnit unit) {
  // long double keeps 64 bits of count, so the rounding is that of the exact product for any real counter.
  return std::llround(static_cast<long double>(total.count) * static_cast<long double>(unit.joules_per_tick) * 1e6L);
}

}  // namespace vrapl
