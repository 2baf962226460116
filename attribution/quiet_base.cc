#include "attribution/quiet_base.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace vrapl {
namespace {

// CPUs in use, at most: what vrapl itself takes of one, and some more; and less where the quietest samples have less.
constexpr double kQuiet = 0.15;
constexpr double kQuietEnough = 0.05;
constexpr size_t kQuietestPart = 50;  // one in so many samples is that quiet
constexpr double kAsQuiet = 1.25;
constexpr size_t kEnough = 5;   // such samples, of a batch
constexpr double kKnown = 0.1;  // half width of the interval, as a part of mean power
// Once known, until the interval is that wide: what is seen seldom is better than what is inferred.
constexpr double kNoLongerKnown = 0.12;
constexpr double kStep = 5;             // standard deviations, beyond which the base has stepped
constexpr double kLeastDrift = 0.001;   // of mean power in two seconds, standard deviation
constexpr double kUnseenDrift = 0.005;  // likewise, at least, while it is not seen: a package warms up
constexpr double kMostDrift = 0.05;
constexpr double kRemember = 0.9;  // of the drift, from batch to batch

double Square(double x) { return x * x; }

double BusyCpus(const FitSample& sample) { return (sample.solo_ms + sample.shared_ms) / std::max(sample.dt_ms, 1e-9); }

double QuietLimit(absl::Span<const FitSample> samples) {
  std::vector<double> busy;
  busy.reserve(samples.size());
  for (const FitSample& sample : samples) busy.push_back(BusyCpus(sample));
  const auto quiet = busy.begin() + static_cast<std::ptrdiff_t>(busy.size() / kQuietestPart);
  std::nth_element(busy.begin(), quiet, busy.end());
  return std::clamp(kAsQuiet * *quiet, kQuietEnough, kQuiet);
}

}  // namespace

bool QuietBase::See(absl::Span<const FitSample> samples, Seen& seen) {
  double ticks = 0, dt_ms = 0, busy_ms = 0;
  size_t count = 0;
  if (samples.empty()) return false;
  const double limit = QuietLimit(samples);
  // Energy lags: the sample before must have been quiet too.
  const auto each = [&](const auto& take) {
    for (size_t t = 1; t < samples.size(); ++t) {
      if (BusyCpus(samples[t]) <= limit && BusyCpus(samples[t - 1]) <= limit) take(samples[t]);
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
  const double ticks_rounded = static_cast<double>(count) / 6;  // at both ends of each sample
  seen.variance = std::max(squares, ticks_rounded) / Square(dt_ms);
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
  Seen seen;
  const bool is_seen = See(samples, seen);
  variance_ += std::clamp(drift_, is_seen ? least : std::max(least, Square(kUnseenDrift * mean_power)), most) * steps;
  if (is_seen) {
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
  known_ = started_ && error_ <= (known_ ? kNoLongerKnown : kKnown) * mean_power;
}

}  // namespace vrapl
