#include "sampler/own_cost.h"

#include <sys/resource.h>

#include "absl/strings/str_format.h"
#include "base/clock.h"

namespace vrapl {
namespace {

int64_t Nanoseconds(const timeval& time) { return time.tv_sec * kNanosPerSecond + time.tv_usec * 1000; }

OwnCost Now() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return {.wall_ns = MonotonicNs(),
          .cpu_ns = Nanoseconds(usage.ru_utime) + Nanoseconds(usage.ru_stime),
          .voluntary_switches = usage.ru_nvcsw,
          .involuntary_switches = usage.ru_nivcsw};
}

double Ratio(double part, double whole) { return whole > 0 ? part / whole : 0; }

}  // namespace

OwnCostMeter::OwnCostMeter() : total_(Now()) {}

void OwnCostMeter::Add(const FlushReport& report) {
  const ModelReport& model = report.models.front();
  for (const RowReport& row : model.rows) {
    if (row.kind == RowKind::kVrapl && CountsInTotal(row.domain.domain)) total_.energy_uj += row.energy_uj;
  }
  for (const CounterReport& counter : model.counters) {
    if (CountsInTotal(counter.domain.domain)) total_.host_energy_uj += counter.energy_uj;
  }
}

void OwnCostMeter::End() { end_ = Now(); }

OwnCost OwnCostMeter::cost() const {
  OwnCost cost = end_ ? *end_ : Now();
  cost.wall_ns -= total_.wall_ns;
  cost.cpu_ns -= total_.cpu_ns;
  cost.voluntary_switches -= total_.voluntary_switches;
  cost.involuntary_switches -= total_.involuntary_switches;
  cost.energy_uj = total_.energy_uj;
  cost.host_energy_uj = total_.host_energy_uj;
  return cost;
}

std::string OwnCostText(const OwnCost& cost) {
  const double seconds = static_cast<double>(cost.wall_ns) * 1e-9;
  const auto energy_uj = static_cast<double>(cost.energy_uj);
  return absl::StrFormat(
      "vrapl itself: %.3f s of CPU time in %.3f s (%.2f %% of one CPU), %d wake-ups (%.0f/s), %d involuntary switches, "
      "%.3f J (%.2f %% of the host's)",
      static_cast<double>(cost.cpu_ns) * 1e-9, seconds,
      100 * Ratio(static_cast<double>(cost.cpu_ns), static_cast<double>(cost.wall_ns)), cost.voluntary_switches,
      Ratio(static_cast<double>(cost.voluntary_switches), seconds), cost.involuntary_switches, energy_uj * 1e-6,
      100 * Ratio(energy_uj, static_cast<double>(cost.host_energy_uj)));
}

}  // namespace vrapl
