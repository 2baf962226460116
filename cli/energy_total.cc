#include "cli/energy_total.h"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <vector>

namespace vrapl {
namespace {

constexpr int64_t kLongestNs = 30 * kNanosPerSecond;
constexpr int64_t kLongestOfPowerNs = kNanosPerSecond;
constexpr int64_t kShortestNs = 10 * kNanosPerMilli;
constexpr double kMostWatts = 1000;

}  // namespace

int64_t LongestReadGapNs(const OpenBackend& backend) {
  int64_t gap_ns = kLongestNs;
  for (const std::unique_ptr<EnergySource>& source : backend.sources) {
    if (source->package().power_based) gap_ns = std::min(gap_ns, kLongestOfPowerNs);
    for (const DomainInfo& domain : source->package().domains) {
      if (!CountsInTotal(domain.id.domain)) continue;
      const double wrap_s = static_cast<double>(domain.wrap_ticks) * domain.unit.joules_per_tick / kMostWatts;
      if (wrap_s / 3 < static_cast<double>(gap_ns) * 1e-9) gap_ns = static_cast<int64_t>(wrap_s / 3 * 1e9);
    }
  }
  return std::max(gap_ns, kShortestNs);
}

EnergyTotal::EnergyTotal(const OpenBackend& backend, const Clock& clock)
    : backend_(backend), clock_(clock), gap_ns_(LongestReadGapNs(backend)) {}

// What a counter counted before Begin() is of no interest: it may have gone round many times.
void EnergyTotal::Begin() {
  begin_ = Read();
  known_ = begin_.has_value();
}

void EnergyTotal::KeepUp() { Read(); }

std::optional<double> EnergyTotal::End() {
  const std::optional<double> end = Read();
  return known_ && end ? std::optional(*end - *begin_) : std::nullopt;
}

std::optional<double> EnergyTotal::Read() {
  static EnergySample sample;  // 3 KiB
  next_read_ns_ = clock_.NowNs() + gap_ns_;
  double joules = 0;
  bool good = true;
  for (const std::unique_ptr<EnergySource>& source : backend_.sources) {
    source->Read(sample);
    const std::vector<DomainInfo>& domains = source->package().domains;
    for (size_t i = 0; i < domains.size(); ++i) {
      if (!CountsInTotal(domains[i].id.domain)) continue;
      good &= sample.error[i] == 0;
      // A read that fails is made up for by the next; energy that is not known is not.
      known_ &= sample.error[i] != EOVERFLOW;
      joules += (EnergyTicks{sample.ticks[i]} * domains[i].unit).value;
    }
  }
  return good ? std::optional(joules) : std::nullopt;
}

}  // namespace vrapl
