#include "attribution/base_power.h"

#include <algorithm>

namespace vrapl {
namespace {

constexpr double kWholePackage = 1e300;  // what a CPU adds is less than all

}  // namespace

void BasePowerEstimator::Add(uint64_t ticks, int64_t dt_ns, int64_t busy_ns, double awake_ns) {
  if (base_.given) return;
  samples_.push_back({.ticks = static_cast<double>(ticks),
                      .dt_ms = static_cast<double>(dt_ns) * 1e-6,
                      .awake_ms = awake_ns * 1e-6,
                      .solo_ms = static_cast<double>(busy_ns) * 1e-6});
}

void BasePowerEstimator::Update() {
  if (base_.given || samples_.size() < kEnoughSamples) return;
  // Nobody knows well what a CPU adds that wakes so briefly.
  const double busy_power = line_.started() ? line_.awake().value + line_.solo().value : kWholePackage;
  quiet_.Update(samples_, busy_power, busy_power / 2 + 1.96 * (line_.awake().sd + line_.solo().sd));
  if (quiet_.known()) {
    line_.FixBase(quiet_.ticks_per_ms());
  } else {
    line_.FreeBase();
  }
  line_.Update(samples_, {}, nullptr);
  samples_.clear();
  if (quiet_.known()) {
    base_ = {.known = true,
             .ticks_per_second = std::max(0.0, quiet_.ticks_per_ms()) * 1e3,
             .error_ticks_per_second = quiet_.error() * 1e3,
             .seen = true};
  } else if (line_.started()) {
    const double within = (base_.known ? kForgottenBeyond : kKnownWithin) * line_.mean_power();
    base_ = {};
    if (line_.base_error() <= within) {
      base_ = {.known = true,
               .ticks_per_second = std::max(0.0, line_.base().value) * 1e3,
               .error_ticks_per_second = line_.base_error() * 1e3};
    }
  }
}

}  // namespace vrapl
