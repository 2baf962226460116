#include "report/power_distribution.h"

#include <algorithm>
#include <utility>

namespace vrapl {

void PowerDistribution::Add(int64_t end_ns, int64_t dt_ns, int64_t energy_uj) {
  dt_ns_ += dt_ns;
  energy_uj_ += energy_uj;
  if (end_ns < stretch_end_ns_ || dt_ns_ <= 0) return;
  stretch_end_ns_ = (end_ns / kStretchNs + 1) * kStretchNs;
  Close();
}

void PowerDistribution::Close() {
  const auto dt_ns = static_cast<double>(std::exchange(dt_ns_, 0));
  const auto energy_uj = static_cast<double>(std::exchange(energy_uj_, 0));
  stretches_.emplace_back(static_cast<float>(energy_uj * 1e3 / dt_ns), static_cast<float>(dt_ns * 1e-6));
}

std::vector<double> PowerDistribution::TakeQuantiles(int points) {
  if (dt_ns_ > 0) Close();
  std::vector<double> quantiles;
  if (stretches_.empty()) return quantiles;
  std::sort(stretches_.begin(), stretches_.end());
  double whole = 0;
  for (const auto& [watts, weight] : stretches_) whole += weight;
  size_t at = 0;
  double passed = stretches_.front().second;
  for (int i = 0; i <= points; ++i) {
    const double wanted = whole * i / points;
    while (passed < wanted && at + 1 < stretches_.size()) passed += stretches_[++at].second;
    quantiles.push_back(i == points ? stretches_.back().first : stretches_[at].first);
  }
  stretches_.clear();
  return quantiles;
}

}  // namespace vrapl
