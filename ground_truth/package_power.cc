#include "ground_truth/package_power.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace vrapl {
namespace {

// Dynamic power goes with frequency and the square of the voltage, which rises with it; a stalled core clocks most of
// its parts no longer.
constexpr double kBusyExponent = 2.4;
constexpr double kStalledExponent = 1.3;
constexpr double kStalledPart = 0.4;

// Two threads of a core save least when one waits for memory while the other computes, most when both compute.
constexpr double kLeastOverlap = 0.25;
constexpr double kComputeOverlap = 0.55;

struct Drawn {
  double watts = 0;  // alone on its core
  double busy = 0;   // part of its time that it does not wait for memory
};

Drawn Alone(const Runner& runner, double contention, double busy_factor, double stalled_factor) {
  const Work& work = *runner.work;
  const double computing = 1 - work.stalled;
  const double busy = computing / (computing + work.stalled * contention);
  return {.watts = work.core_w * runner.wander * (busy * busy_factor + (1 - busy) * kStalledPart * stalled_factor),
          .busy = busy};
}

}  // namespace

double FrequencyFor(const PackageTraits& traits, absl::Span<const Runner> cpus) {
  int awake = 0;
  bool wide = false;
  for (int core = 0; core < traits.cores; ++core) {
    bool any = false;
    for (int i = core * traits.smt; i < (core + 1) * traits.smt; ++i) {
      const Work* work = cpus[static_cast<size_t>(i)].work;
      any = any || work != nullptr;
      wide = wide || (work != nullptr && work->wide);
    }
    awake += any ? 1 : 0;
  }
  const auto steps = static_cast<int>(traits.frequency_steps.size());
  const int step = std::clamp((awake * steps + traits.cores - 1) / traits.cores - 1, 0, steps - 1);
  return traits.frequency_steps[static_cast<size_t>(step)] * (wide ? traits.wide_step : 1);
}

void ActivePower(const PackageTraits& traits, absl::Span<const Runner> cpus, double frequency, double kelvin,
                 absl::Span<double> watts, absl::Span<double> core_watts) {
  const double awake_w = traits.core_awake_w + traits.core_leak_w * std::exp(kelvin / traits.leak_k);
  double wanted = 0;
  int running = 0;
  for (const Runner& runner : cpus) {
    if (runner.work == nullptr) continue;
    wanted += runner.work->gb_per_s;
    ++running;
  }
  const double contention = std::max(1.0, wanted / traits.gb_per_s);
  const double busy_factor = std::pow(frequency, kBusyExponent);
  const double stalled_factor = std::pow(frequency, kStalledExponent);
  const double uncore_each = running > 0 ? traits.uncore_w / running : 0;
  std::fill(watts.begin(), watts.end(), 0);
  std::fill(core_watts.begin(), core_watts.end(), 0);
  for (int core = 0; core < traits.cores; ++core) {
    const auto first = static_cast<size_t>(core * traits.smt);
    const size_t second = first + static_cast<size_t>(traits.smt) - 1;
    for (size_t i = first; i <= second; ++i) {
      if (cpus[i].work == nullptr) continue;
      const Work& work = *cpus[i].work;
      const double speed = 1 / (1 - work.stalled + work.stalled * contention);
      core_watts[i] = Alone(cpus[i], contention, busy_factor, stalled_factor).watts + awake_w;
      watts[i] = core_watts[i] + uncore_each + work.gb_per_s * speed * traits.w_per_gb_per_s;
    }
    if (first == second || cpus[first].work == nullptr || cpus[second].work == nullptr) continue;
    const Drawn a = Alone(cpus[first], contention, busy_factor, stalled_factor);
    const Drawn b = Alone(cpus[second], contention, busy_factor, stalled_factor);
    const double overlap = kLeastOverlap + kComputeOverlap * a.busy * b.busy;
    const double saved = overlap * std::min(a.watts, b.watts) + awake_w;
    for (const size_t i : {first, second}) {
      watts[i] -= saved / 2;
      core_watts[i] -= saved / 2;
    }
  }
}

double FloorPower(const PackageTraits& traits, double seconds, double kelvin) {
  const double leakage = traits.leak_w * (std::exp(kelvin / traits.leak_k) - 1);
  const double drift = traits.drift_w * std::sin(2 * std::numbers::pi * seconds / traits.drift_period_s);
  return traits.floor_w + leakage + drift + (seconds >= traits.step_at_s ? traits.step_w : 0);
}

}  // namespace vrapl
