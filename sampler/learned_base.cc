#include "sampler/learned_base.h"

#include <algorithm>

#include "absl/strings/str_format.h"

namespace vrapl {
namespace {

constexpr double kNearlyAll = 0.9;
constexpr double kEnoughSeconds = 3;   // before these, a base that was learned is hardly applied
constexpr double kAtRest = 0.05;       // of CPU time busy: then a base power is all there is to draw
constexpr double kHardlyVaried = 0.2;  // of CPU time, between the least and the most busy second

}  // namespace

void LearnedBaseCheck::Add(const FlushReport& report) {
  if (report.models.empty()) return;
  const ModelReport& model = report.models.front();
  for (const CounterReport& counter : model.counters) {
    if (!counter.attributed || !counter.base_w || counter.base_given || counter.unknown_ns > 0 || counter.frozen) {
      continue;
    }
    Energy& energy = counters_[{counter.package_id, counter.die_id, counter.domain}];
    const double seconds = static_cast<double>(counter.dt_ns) * 1e-9;
    energy.energy_uj += static_cast<double>(counter.energy_uj);
    energy.base_uj += *counter.base_w * seconds * 1e6;
    energy.seconds += seconds;
  }
  CpuTime time;
  for (const SamplerReport& sampler : report.samplers) time.capacity_ns += static_cast<double>(sampler.capacity_ns);
  time.busy_ns = time.capacity_ns;
  for (const RowReport& row : model.rows) {
    const bool idle = row.kind == RowKind::kIdle && row.domain.domain == RaplDomain::kPackage;
    if (idle) time.busy_ns -= static_cast<double>(row.run_time_ns);
  }
  for (CpuTime* sum : {&all_, &second_}) {
    sum->busy_ns += time.busy_ns;
    sum->capacity_ns += time.capacity_ns;
  }
  second_s_ += static_cast<double>(report.dt_ns) * 1e-9;
  if (second_s_ < 1 || second_.capacity_ns <= 0) return;
  const double busy = second_.busy_ns / second_.capacity_ns;
  least_busy_ = std::min(least_busy_, busy);
  most_busy_ = std::max(most_busy_, busy);
  second_ = {};
  second_s_ = 0;
}

std::vector<std::string> LearnedBaseCheck::Lines() const {
  std::vector<std::string> lines;
  const double busy = all_.capacity_ns > 0 ? all_.busy_ns / all_.capacity_ns : 0;
  if (busy < kAtRest) return lines;
  const bool hardly_varied = most_busy_ - least_busy_ < kHardlyVaried;
  for (const auto& [key, energy] : counters_) {
    if (energy.seconds < kEnoughSeconds || energy.base_uj <= kNearlyAll * energy.energy_uj) continue;
    lines.push_back(absl::StrFormat(
        "the base power learned for %s-%d is %.0f %% of what it drew, while CPUs were busy %.0f %% of the time: %s. So "
        "next to none of its energy is active; --base-power gives another, and `vrapl calibrate` looks for it",
        DomainName(std::get<DomainId>(key)), std::get<0>(key), 100 * energy.base_uj / std::max(energy.energy_uj, 1.0),
        100 * busy,
        hardly_varied ? "the load hardly varied, and a base power cannot be told from it"
                      : "its power did not follow the load"));
  }
  return lines;
}

}  // namespace vrapl
