#include "attribution/power_fit.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "attribution/sample_noise.h"

namespace vrapl {
namespace {

// How much of what the base and the awake package were found to draw is still believed two seconds later; so they may
// drift by 1.3 % and 0.9 % of the mean power, and go back to what they were taken for at first within half an hour in
// which samples tell nothing of them.
constexpr double kFloorMemory = 0.999;
// What may change in two seconds, as parts of the common power: standard deviations.
constexpr double kCommonDrift = 0.05;
constexpr double kSharedDrift = 0.02;
// How much of what a slot was found to be is still believed two seconds later.
constexpr double kSlotMemory = 0.9;
// Before anything is known: of run time beside a busy sibling, compared with run time alone.
constexpr double kSharedFirst = 0.65;
constexpr double kSharedFirstSd = 0.2;
// Likewise, of the mean power: what an idle package draws, and what its first thread adds. A server draws a third to a
// half of its power when idle; only samples with nobody running tell the two apart.
constexpr double kBaseFirst = 0.4;
constexpr double kBaseFirstSd = 0.3;
constexpr double kAwakeFirst = 0.2;
constexpr double kAwakeFirstSd = 0.2;
constexpr double kUsualFollows = 0.05;  // of the usual mean power, from batch to batch
constexpr double kLeastPower = 0.1;     // of a slot, as a part of the common
// How far the way from the quietest samples to none that run may be off a straight line, as a part of it.
constexpr double kBend = 0.15;
constexpr size_t kQuietestPart = 50;      // one in so many samples is that quiet
constexpr double kQuietestFollows = 0.1;  // from batch to batch
// A counter that is read at any time shows what was used up to its last update: as much of a sample's energy is of the
// sample before. How much drifts as reads and updates drift through one another.
constexpr size_t kLagBlock = 64;  // samples in which it is taken as constant
constexpr double kLagFirst = 0.5;
constexpr double kLagFirstSd = 0.3;

double QuietestBusy(absl::Span<const FitSample> samples) {
  std::vector<double> busy;
  busy.reserve(samples.size());
  for (const FitSample& sample : samples) {
    busy.push_back((sample.solo_ms + sample.shared_ms) / std::max(sample.dt_ms, 1e-9));
  }
  const double mean = std::accumulate(busy.begin(), busy.end(), 0.0) / static_cast<double>(busy.size());
  const auto quiet = busy.begin() + static_cast<std::ptrdiff_t>(busy.size() / kQuietestPart);
  std::nth_element(busy.begin(), quiet, busy.end());
  return mean > 0 ? std::min(1.0, *quiet / mean) : 0;
}

}  // namespace

PowerFit::PowerFit(size_t slots, bool with_states)
    : size_(kFirstSlot + slots), with_states_(with_states), mean_(size_), covariance_(size_), seen_(slots) {}

void PowerFit::FixBase(double ticks_per_ms) {
  base_fixed_ = true;
  fixed_base_ = ticks_per_ms;
}

void PowerFit::FreeBase() {
  if (!std::exchange(base_fixed_, false) || !started_) return;
  for (const auto& [i, sd] : {std::pair{kBase, kBaseFirstSd}, std::pair{kAwake, kAwakeFirstSd}}) {
    covariance_.at(i, i) += sd * sd * mean_power_ * mean_power_;
  }
}

PowerFit::Estimate PowerFit::At(size_t i) const {
  return {.value = mean_[i], .sd = std::sqrt(std::max(0.0, covariance_.at(i, i)))};
}

double PowerFit::base_error() const {
  if (base_fixed_) return 0;
  const double active = std::max(0.0, mean_power_ - mean_[kBase]);
  const double at_quietest = quietest_busy_ * active;
  // It is neither below 0 nor above what the quietest samples drew.
  return std::min(std::hypot(1.96 * base().sd, kBend * at_quietest),
                  std::max({mean_[kBase], at_quietest, kBend * mean_power_}));
}

PowerFit::Estimate PowerFit::power(size_t slot) const {
  const size_t i = kFirstSlot + slot;
  const double variance = covariance_.at(kSolo, kSolo) + 2 * covariance_.at(kSolo, i) + covariance_.at(i, i);
  return {.value = std::max(mean_[kSolo] * kLeastPower, mean_[kSolo] + mean_[i]),
          .sd = std::sqrt(std::max(0.0, variance))};
}

double PowerFit::Undetermined() const {
  // Power per run time of a slot: solo and shared power by how it ran, and its own.
  double all = 0;
  for (const SlotRun& run : runs_) all += run.solo_ms + shared_weight_ * run.shared_ms;
  if (all <= 0) return 1;
  std::vector<double> mean(size_);
  double open = 0, squares = 0, shared_mean = 0, shared_square = 0;
  for (size_t slot = 0; slot < runs_.size(); ++slot) {
    const double ran = runs_[slot].solo_ms + shared_weight_ * runs_[slot].shared_ms;
    if (ran <= 0) continue;
    const double part = ran / all;
    const std::pair<size_t, double> factors[] = {
        {kSolo, runs_[slot].solo_ms / ran}, {kShared, runs_[slot].shared_ms / ran}, {kFirstSlot + slot, 1.0}};
    for (const auto& [i, x] : factors) {
      mean[i] += part * x;
      for (const auto& [j, y] : factors) open += part * x * y * covariance_.at(i, j);
    }
    squares += part * part;
    shared_mean += part * factors[1].second;
    shared_square += part * factors[1].second * factors[1].second;
  }
  const std::vector<double> of_mean = covariance_.Times(mean);
  for (size_t i = 0; i < size_; ++i) open -= mean[i] * of_mean[i];
  const double at_first = (spread_ * spread_ * (1 - squares) +
                           kSharedFirstSd * kSharedFirstSd * (shared_square - shared_mean * shared_mean)) *
                          mean_[kSolo] * mean_[kSolo];
  return at_first > 0 ? open / at_first : 1;
}

double PowerFit::covariance(size_t a, size_t b) const {
  const auto part = [&](size_t i, size_t j) { return covariance_.at(i, j); };
  double sum = part(kSolo, kSolo);
  if (a != kCommon) sum += part(kFirstSlot + a, kSolo);
  if (b != kCommon) sum += part(kSolo, kFirstSlot + b);
  if (a != kCommon && b != kCommon) sum += part(kFirstSlot + a, kFirstSlot + b);
  return sum;
}

void PowerFit::Grow(size_t slots) {
  const size_t before = size_;
  if (kFirstSlot + slots <= before) return;
  size_ = kFirstSlot + slots;
  SymmetricMatrix larger(size_);
  for (size_t i = 0; i < before; ++i) std::copy_n(covariance_.row(i), before, larger.row(i));
  covariance_ = std::move(larger);
  mean_.resize(size_);
  seen_.resize(slots);
  for (size_t i = before; i < size_; ++i) ResetSlot(i - kFirstSlot);
}

void PowerFit::ResetSlot(size_t slot) {
  const size_t index = kFirstSlot + slot;
  mean_[index] = 0;
  for (size_t j = 0; j < size_; ++j) covariance_.Set(index, j, 0);
  const double spread = spread_ * std::max(mean_[kSolo], 0.0);
  covariance_.Set(index, index, std::max(spread * spread, 1e-12));
  seen_[slot] = false;
}

void PowerFit::Start(absl::Span<const FitSample> samples) {
  double ticks = 0, dt_ms = 0, busy_ms = 0;
  for (const FitSample& sample : samples) {
    ticks += sample.ticks;
    dt_ms += sample.dt_ms;
    busy_ms += sample.solo_ms + (with_states_ ? kSharedFirst : 1) * sample.shared_ms;
  }
  mean_power_ = usual_power_ = ticks / dt_ms;
  const double common = std::min(mean_power_, 0.5 * ticks / std::max(busy_ms, 1e-9));
  const auto square = [](double x) { return x * x; };
  mean_[kBase] = kBaseFirst * mean_power_;
  covariance_.Set(kBase, kBase, square(kBaseFirstSd * mean_power_));
  mean_[kAwake] = kAwakeFirst * mean_power_;
  covariance_.Set(kAwake, kAwake, square(kAwakeFirstSd * mean_power_));
  mean_[kSolo] = common;
  covariance_.Set(kSolo, kSolo, square(2 * common));
  shared_weight_ = with_states_ ? kSharedFirst : 1;
  mean_[kShared] = shared_weight_ * common;
  covariance_.Set(kSolo, kShared, shared_weight_ * square(2 * common));
  covariance_.Set(kShared, kShared,
                  square(shared_weight_ * 2 * common) + square((with_states_ ? kSharedFirstSd : 1e-6) * common));
  for (size_t slot = 0; slot < seen_.size(); ++slot) ResetSlot(slot);
  started_ = true;
}

void PowerFit::Predict(double seconds) {
  const double steps = seconds / 2;
  const auto drift = [&](double part, double of) { return part * part * of * of * steps; };
  const double common = std::max(mean_[kSolo], 1e-3 * mean_power_);
  const auto fade = [&](size_t i, double first, double sd) {
    const double memory = std::pow(kFloorMemory, steps);
    mean_[i] += (1 - memory) * (first * usual_power_ - mean_[i]);
    for (size_t j = 0; j < size_; ++j) {
      covariance_.at(i, j) *= memory;
      covariance_.at(j, i) *= memory;
    }
    covariance_.at(i, i) += (1 - memory * memory) * sd * sd * usual_power_ * usual_power_;
  };
  usual_power_ += kUsualFollows * (mean_power_ - usual_power_);
  fade(kBase, kBaseFirst, kBaseFirstSd);
  fade(kAwake, kAwakeFirst, kAwakeFirstSd);
  const double both = drift(kCommonDrift, common);
  covariance_.at(kSolo, kSolo) += both;
  covariance_.Set(kSolo, kShared, covariance_.at(kSolo, kShared) + shared_weight_ * both);
  covariance_.at(kShared, kShared) +=
      shared_weight_ * shared_weight_ * both + (with_states_ ? drift(kSharedDrift, common) : 1e-9 * both);
  const double memory = std::pow(kSlotMemory, steps);
  const double renewed = (1 - memory * memory) * spread_ * spread_ * common * common;
  for (size_t i = kFirstSlot; i < size_; ++i) {
    mean_[i] *= memory;
    for (size_t j = 0; j < size_; ++j) {
      covariance_.at(i, j) *= memory;
      covariance_.at(j, i) *= memory;
    }
    covariance_.at(i, i) += renewed;
  }
}

void PowerFit::AddRun(const FitSample& sample, absl::Span<const FitEntry> entries, double part,
                      std::vector<double>& x) const {
  x[kBase] += part * sample.dt_ms;
  x[kAwake] += part * AwakeMs(sample);
  if (!with_states_) {
    x[kSolo] += part * (sample.solo_ms + sample.shared_ms);
    return;
  }
  x[kSolo] += part * sample.solo_ms;
  x[kShared] += part * sample.shared_ms;
  for (const FitEntry& entry : entries.subspan(sample.first, sample.entries)) {
    if (entry.slot < 0) continue;
    x[kFirstSlot + static_cast<size_t>(entry.slot)] += part * (entry.solo_ms + shared_weight_ * entry.shared_ms);
  }
}

std::vector<double> PowerFit::Expected(absl::Span<const FitSample> samples, absl::Span<const FitEntry> entries) const {
  std::vector<double> expected;
  expected.reserve(samples.size());
  for (const FitSample& sample : samples) {
    double ticks = mean_[kBase] * sample.dt_ms + mean_[kAwake] * AwakeMs(sample);
    if (with_states_) {
      ticks += mean_[kSolo] * sample.solo_ms + mean_[kShared] * sample.shared_ms;
      for (const FitEntry& entry : entries.subspan(sample.first, sample.entries)) {
        if (entry.slot < 0) continue;
        ticks +=
            mean_[kFirstSlot + static_cast<size_t>(entry.slot)] * (entry.solo_ms + shared_weight_ * entry.shared_ms);
      }
    } else {
      ticks += mean_[kSolo] * (sample.solo_ms + sample.shared_ms);
    }
    expected.push_back(ticks);
  }
  return expected;
}

std::vector<double> PowerFit::Residuals(absl::Span<const FitSample> samples, const std::vector<double>& expected,
                                        const std::vector<double>& lag) const {
  std::vector<double> residuals;
  residuals.reserve(samples.size());
  for (size_t t = 0; t < samples.size(); ++t) {
    const double before = expected[t == 0 ? 0 : t - 1];
    residuals.push_back(samples[t].ticks - (1 - lag[t]) * expected[t] - lag[t] * before);
  }
  return residuals;
}

std::vector<double> PowerFit::Active(absl::Span<const FitSample> samples, const std::vector<double>& expected) const {
  std::vector<double> active(expected.size());
  for (size_t t = 0; t < active.size(); ++t) active[t] = std::max(0.0, expected[t] - mean_[kBase] * samples[t].dt_ms);
  // What lags is of the sample before.
  for (size_t t = active.size(); t-- > 1;) active[t] = std::max(active[t], active[t - 1]);
  return active;
}

std::vector<double> PowerFit::FindLag(absl::Span<const FitSample> samples, const std::vector<double>& expected) const {
  std::vector<double> lag(samples.size(), kLagFirst);
  const std::vector<double> rest = Residuals(samples, expected, std::vector<double>(samples.size(), 0));
  const double variance = MeanSquare(Clipped(rest));
  const double limit = kOutlier * Spread(rest);
  for (size_t begin = 0; begin < samples.size(); begin += kLagBlock) {
    const size_t end = std::min(samples.size(), begin + kLagBlock);
    double squares = variance / (kLagFirstSd * kLagFirstSd);
    double product = squares * kLagFirst;
    for (size_t t = std::max<size_t>(begin, 1); t < end; ++t) {
      const double step = expected[t] - expected[t - 1];
      squares += step * step;
      product -= std::clamp(rest[t], -limit, limit) * step;
    }
    const double found = squares > 0 ? std::clamp(product / squares, 0.0, 1.0) : kLagFirst;
    std::fill(lag.begin() + static_cast<std::ptrdiff_t>(begin), lag.begin() + static_cast<std::ptrdiff_t>(end), found);
  }
  return lag;
}

void PowerFit::Absorb(absl::Span<const FitSample> samples, absl::Span<const FitEntry> entries,
                      const std::vector<double>& lag, const std::vector<double>& residuals,
                      const std::vector<double>& weights, const Noise& noise, const SymmetricMatrix& precision_before) {
  SymmetricMatrix precision(size_);
  std::vector<double> pull(size_);
  std::vector<double> x(size_);
  std::vector<size_t> present;
  double residual = 0;
  for (size_t t = 0; t < samples.size(); ++t) {
    for (double& value : x) value *= noise.echo;
    residual = residuals[t] + noise.echo * residual;
    AddRun(samples[t], entries, 1 - lag[t], x);
    AddRun(samples[t == 0 ? 0 : t - 1], entries, lag[t], x);
    present.clear();
    for (size_t i = 0; i < size_; ++i) {
      if (x[i] > 1e-6) {
        present.push_back(i);
      } else {
        x[i] = 0;
      }
    }
    for (const size_t i : present) {
      const double weighted = weights[t] * x[i];
      pull[i] += weighted * residual;
      double* const row = precision.row(i);
      for (const size_t j : present) {
        if (j > i) break;
        row[j] += weighted * x[j];
      }
    }
  }
  precision.Mirror();
  for (size_t i = 0; i < size_; ++i) {
    for (size_t j = 0; j < size_; ++j)
      precision.at(i, j) = precision.at(i, j) / noise.variance + precision_before.at(i, j);
    pull[i] /= noise.variance;
  }
  covariance_ = precision.Inverse();
  const std::vector<double> step = covariance_.Times(pull);
  for (size_t i = 0; i < size_; ++i) mean_[i] += step[i];
}

// Takes in that direction x state is `value`, give or take.
void PowerFit::Condition(const std::vector<double>& direction, double value, double variance) {
  const std::vector<double> gain = covariance_.Times(direction);
  double expected = 0, scatter = variance;
  for (size_t i = 0; i < size_; ++i) {
    expected += direction[i] * mean_[i];
    scatter += direction[i] * gain[i];
  }
  for (size_t i = 0; i < size_; ++i) {
    mean_[i] += gain[i] * (value - expected) / scatter;
    for (size_t j = 0; j < size_; ++j) covariance_.at(i, j) -= gain[i] * gain[j] / scatter;
  }
}

void PowerFit::KeepPositive() {
  const double small = 1e-6 * mean_power_ * mean_power_;
  std::vector<double> direction(size_);
  for (int round = 0; round < 3; ++round) {
    bool all = true;
    for (const size_t i : {size_t{kBase}, size_t{kAwake}, size_t{kSolo}, size_t{kShared}}) {
      if (mean_[i] >= 0) continue;
      direction.assign(size_, 0);
      direction[i] = 1;
      Condition(direction, 0, small);
      mean_[i] = std::max(mean_[i], 0.0);
      all = false;
    }
    for (size_t slot = 0; slot < seen_.size(); ++slot) {
      const size_t i = kFirstSlot + slot;
      if (!seen_[slot] || mean_[i] >= -(1 - kLeastPower / 2) * mean_[kSolo]) continue;
      direction.assign(size_, 0);
      direction[i] = 1;
      direction[kSolo] = 1 - kLeastPower;
      Condition(direction, 0, small);
      all = false;
    }
    if (all) return;
  }
}

void PowerFit::LearnSpread() {
  const double common = mean_[kSolo];
  if (common <= 0) return;
  double sum = 0;
  int count = 0;
  for (size_t slot = 0; slot < seen_.size(); ++slot) {
    if (!seen_[slot]) continue;
    const size_t i = kFirstSlot + slot;
    sum += (mean_[i] * mean_[i] + covariance_.at(i, i)) / (common * common);
    ++count;
  }
  if (count < 2) return;
  spread_ = std::clamp(std::sqrt(0.9 * spread_ * spread_ + 0.1 * sum / count), 0.05, 1.0);
}

double PowerFit::Update(absl::Span<const FitSample> samples, absl::Span<const FitEntry> entries,
                        const PowerFit* rival) {
  double seconds = 0, ticks = 0;
  for (const FitSample& sample : samples) {
    seconds += sample.dt_ms * 1e-3;
    ticks += sample.ticks;
  }
  if (samples.size() < 20 || seconds <= 0 || ticks <= 0) return 0;
  const bool first = !started_;
  if (first) {
    Start(samples);
  } else {
    mean_power_ = ticks / (seconds * 1e3);
    Predict(seconds);
  }
  if (base_fixed_) {
    std::vector<double> direction(size_);
    direction[kBase] = 1;
    Condition(direction, fixed_base_, 1e-12 * mean_power_ * mean_power_);
  }
  seen_.assign(seen_.size(), false);
  runs_.assign(seen_.size(), {});
  if (with_states_) {
    for (const FitEntry& entry : entries) {
      if (entry.slot < 0) continue;
      const auto slot = static_cast<size_t>(entry.slot);
      seen_[slot] = true;
      runs_[slot].solo_ms += entry.solo_ms;
      runs_[slot].shared_ms += entry.shared_ms;
    }
  }

  const std::vector<double> mean_before = mean_;
  const SymmetricMatrix covariance_before = covariance_;
  const SymmetricMatrix precision_before = covariance_.Inverse();
  std::vector<double> expected = Expected(samples, entries);
  std::vector<double> lag = FindLag(samples, expected);
  const std::vector<double> foretold = expected;
  std::vector<double> rest = Residuals(samples, expected, lag);
  // The noise, and by how much energy lags, is seen only once what can be explained has been: by turns.
  std::vector<double> weights(samples.size(), 1);
  std::vector<double> sd(samples.size(), 1);
  const auto in_sd = [&](std::vector<double> filtered) {
    for (size_t t = 0; t < filtered.size(); ++t) filtered[t] /= sd[t];
    return filtered;
  };
  Noise noise;
  double scatter_of_all = 1;
  for (int round = 0; round < 4; ++round) {
    noise.echo = EchoOf(Clipped(rest));
    const std::vector<double> filtered = Filter(rest, noise.echo);
    const std::vector<double> active = Active(samples, expected);
    const Scatter scatter = FindScatter(filtered, active);
    const double before = scatter_of_all;
    scatter_of_all = 0;
    for (size_t t = 0; t < sd.size(); ++t) {
      sd[t] = std::sqrt(std::max(scatter.At(active[t]), 1e-12));
      scatter_of_all += sd[t] * sd[t];
    }
    if (round > 1 && std::abs(scatter_of_all / before - 1) < 0.05) break;  // it is as was taken for the last round
    const std::vector<double> relative = in_sd(filtered);
    const std::vector<double> clipped = Clipped(relative);
    noise.variance = std::max(MeanSquare(clipped) * Persistence(clipped), 1e-12);
    const double limit = kOutlier * Spread(relative);
    for (size_t t = 0; t < weights.size(); ++t) {
      const double off = std::abs(relative[t]);
      weights[t] = (round > 0 && limit > 0 && off > limit ? limit / off : 1) / (sd[t] * sd[t]);
    }
    mean_ = mean_before;
    covariance_ = covariance_before;
    Absorb(samples, entries, lag, Residuals(samples, foretold, lag), weights, noise, precision_before);
    KeepPositive();
    expected = Expected(samples, entries);
    lag = FindLag(samples, expected);
    rest = Residuals(samples, expected, lag);
  }
  lag_ = std::move(lag);
  LearnSpread();
  const double quietest = QuietestBusy(samples);
  quietest_busy_ =
      first || quietest < quietest_busy_ ? quietest : quietest_busy_ + kQuietestFollows * (quietest - quietest_busy_);
  if (with_states_ && mean_[kSolo] > 0) shared_weight_ = std::clamp(mean_[kShared] / mean_[kSolo], 0.3, 1.0);
  if (first || rival == nullptr || !rival->started_) return 0;
  // By plain errors: where somebody runs is where it shows who does.
  const auto scatter = [&](const std::vector<double>& residuals) {
    return MeanSquare(Clipped(Filter(residuals, noise.echo)));
  };
  const std::vector<double> left = Clipped(Filter(rest, noise.echo));
  const double variance = std::max(MeanSquare(left) * Persistence(left), 1e-12 * ticks);
  const double own = scatter(Residuals(samples, foretold, lag_));
  const double others = scatter(rival->Residuals(samples, rival->Expected(samples, entries), lag_));
  return static_cast<double>(samples.size()) * (others - own) / (2 * variance);
}

}  // namespace vrapl
