#include "delivery/leak_bound.h"

#include <cmath>

#include "absl/strings/str_format.h"

namespace vrapl {

double LeakBound(const GuestPolicy& policy, double range_w) {
  if (!policy.deliver) return 0;
  const double period_s = static_cast<double>(policy.period_ns) * 1e-9;
  const double steps = range_w * period_s / (static_cast<double>(policy.quantum_uj) * 1e-6);
  const bool power_alone = policy.format == GuestFormat::kWatts;
  const int figures = power_alone ? 1 : 1 + (policy.active ? 1 : 0) + (policy.error ? 1 : 0);
  // Of c to c + steps quanta of energy between two lines, floor(c) to ceil(c + steps) are told: whatever the rest was
  // that came before, and whatever it tells. With noise each end is up to a quantum off either way.
  return figures * std::log2((policy.noise ? 5 : 3) + std::floor(steps)) / period_s;
}

std::string DescribeLeakBound(const GuestPolicy& policy) {
  return absl::StrFormat("at most %.3f bit/s of a neighbour that moves 100 W",
                         std::ceil(1000 * LeakBound(policy, 100)) / 1000);
}

}  // namespace vrapl
