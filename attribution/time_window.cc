#include "attribution/time_window.h"

#include <algorithm>

namespace vrapl {

double AwakeNs(absl::Span<const RowTime> rows, int64_t dt_ns) {
  constexpr double kHardlyAsleep = 0.3;  // of the time: such small differences are of this estimate
  double asleep = 1;
  const auto dt = static_cast<double>(std::max<int64_t>(dt_ns, 1));
  for (const RowTime& row : rows) asleep *= std::max(0.0, 1 - static_cast<double>(row.run_ns) / dt);
  return (1 - (asleep < kHardlyAsleep ? 0 : asleep)) * dt;
}

}  // namespace vrapl
