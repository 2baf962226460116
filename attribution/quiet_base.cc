#include "attribution/quiet_base.h"

#include <algorithm>
#include <cmath>

namespace vrapl {
namespace {

constexpr double kQuiet = 0.05;        // CPUs in use, at most
constexpr size_t kEnough = 5;          // such samples, of a batch
constexpr double kKnown = 0.1;         // half width of the interval, as a part of mean power
constexpr double kStep = 5;            // standard deviations, beyond which the base has stepped
constexpr double kLeastDrift = 0.001;  // of mean power in two seconds, standard deviation
constexpr double kMostDrift = 0.05;
constexpr double kRemember = 0.9;  // of the drift, from batch to batch

double Square(double x) { return x * x; }

bool IsQuiet(const FitSample& sample) { return sample.solo_ms + sample.shared_ms <= kQuiet * sample.dt_ms; }

}  // namespace

bool QuietBase::See(absl::Span<const FitSample> samples, Seen& seen) {
  double ticks = 0, dt_ms = 0, busy_ms = 0;
  size_t count = 0;
  // Energy lags: the sample before must have been quiet too.
  const auto each = [&](const auto& take) {
    for (size_t t = 1; t < samples.size(); ++t) {
      if (IsQuiet(samples[t]) && IsQuiet(samples[t - 1])) take(samples[t]);
    }
  };
  each([&](const FitSample& sample) {
    ticks += sample.ticks;
    dt_ms += sample.dt_ms;
    busy_ms += sample.solo_ms + sample.shared_ms;
    ++count;
  });
  if (count < kEnough) return false;
  seen.ticks_per_ms = ticks / dt_ms;
  seen.busy_cpus = busy_ms / dt_ms;
  double squares = 0;
  each([&](const FitSample& sample) { squares += Square(sample.ticks - seen.ticks_per_ms * sample.dt_ms); });
  // Neighbours err in opposite directions, so that this is rather too much.
  seen.variance = squares / Square(dt_ms);
  return true;
}

void QuietBase::Update(absl::Span<const FitSample> samples, double busy_power, double doubt) {
  double ticks = 0, dt_ms = 0;
  for (const FitSample& sample : samples) {
    ticks += sample.ticks;
    dt_ms += sample.dt_ms;
  }
  if (dt_ms <= 0) return;
  const double mean_power = ticks / dt_ms;
  const double steps = dt_ms / 2000;
  const double least = Square(kLeastDrift * mean_power);
  const double most = Square(kMostDrift * mean_power);
  variance_ += std::clamp(drift_, least, most) * steps;
  if (Seen seen; See(samples, seen)) {
    const double taken_off = seen.busy_cpus * std::clamp(busy_power, 0.0, mean_power);
    doubt_ = std::min(seen.busy_cpus * doubt, taken_off);
    const double found = std::max(0.0, seen.ticks_per_ms - taken_off);
    const double off = found - value_;
    const double scatter = variance_ + seen.variance;
    if (!started_) {
      started_ = true;
      value_ = found;
      variance_ = seen.variance;
    } else {
      drift_ = kRemember * drift_ + (1 - kRemember) * std::max(0.0, off * off - scatter) / std::max(steps, 1.0);
      const bool stepped = off * off > kStep * kStep * scatter;
      const double gain = stepped || scatter <= 0 ? 1 : variance_ / scatter;
      value_ += gain * off;
      variance_ = stepped ? seen.variance : (1 - gain) * variance_;
    }
  }
  // It will be applied to the next two seconds.
  error_ = std::hypot(1.96 * std::sqrt(variance_ + std::clamp(drift_, least, most)), doubt_);
  known_ = started_ && error_ <= kKnown * mean_power;
}

}  // namespace vrapl
