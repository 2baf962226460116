#include "attribution/base_power.h"

#include <algorithm>
#include <cmath>

namespace vrapl {
namespace {

struct Line {
  double blocks = 0;  // that the line was fitted to
  double intercept = 0;
  double slope = 0;
  double intercept_error = 0;  // standard errors
  double slope_error = 0;
  double scatter = 0;  // standard deviation of the residuals
};

// The newest 2, 5 and 15 s: where they lie off the line by more than chance and by more than matters, the base has
// moved, and what was before says nothing of what is.
constexpr size_t kNewestBlocks[] = {20, 50, 150};
constexpr double kMovedBy = 0.005;  // of mean power
constexpr double kSurprise = 5;     // standard errors

}  // namespace

BasePowerEstimator::BasePowerEstimator() { blocks_.reserve(kBlocks); }

void BasePowerEstimator::Add(uint64_t ticks, int64_t dt_ns, int64_t busy_ns) {
  ticks_ += ticks;
  dt_ns_ += dt_ns;
  busy_ns_ += busy_ns;
  if (dt_ns_ < kBlockNs) return;
  const Block block{.busy_cpus = static_cast<double>(busy_ns_) / static_cast<double>(dt_ns_),
                    .ticks_per_second = static_cast<double>(ticks_) * 1e9 / static_cast<double>(dt_ns_)};
  if (blocks_.size() < kBlocks) {
    blocks_.push_back(block);
  } else {
    blocks_[next_] = block;
  }
  next_ = (next_ + 1) % kBlocks;
  ticks_ = 0;
  dt_ns_ = busy_ns_ = 0;
}

bool BasePowerEstimator::DropWhatHasPassed(double intercept, double slope, double scatter) {
  // In the order of time.
  std::rotate(blocks_.begin(), blocks_.begin() + static_cast<std::ptrdiff_t>(blocks_.size() < kBlocks ? 0 : next_),
              blocks_.end());
  next_ = blocks_.size() % kBlocks;
  double power = 0;
  for (const Block& block : blocks_) power += block.ticks_per_second;
  power /= static_cast<double>(blocks_.size());
  double sum = 0;
  size_t taken = 0;
  for (const size_t newest : kNewestBlocks) {
    if (newest >= blocks_.size()) return false;
    for (; taken < newest; ++taken) {
      const Block& block = blocks_[blocks_.size() - 1 - taken];
      sum += block.ticks_per_second - intercept - slope * block.busy_cpus;
    }
    const double off = std::abs(sum / static_cast<double>(newest));
    if (off < kMovedBy * power || off < kSurprise * scatter / std::sqrt(static_cast<double>(newest))) continue;
    blocks_.erase(blocks_.begin(), blocks_.end() - static_cast<std::ptrdiff_t>(newest));
    next_ = blocks_.size();
    return true;
  }
  return false;
}

void BasePowerEstimator::Update() {
  if (base_.given || blocks_.size() < kEnoughBlocks) return;
  // A straight line by least squares, twice: the second time without the blocks that lie far from the first line (a
  // frequency change, a sample that was held up).
  const auto fit = [this](const Line* first) {
    double n = 0, sum_x = 0, sum_y = 0, sum_xx = 0, sum_xy = 0, sum_yy = 0;
    for (const Block& block : blocks_) {
      const double residual =
          first == nullptr ? 0 : block.ticks_per_second - first->intercept - first->slope * block.busy_cpus;
      if (first != nullptr && std::abs(residual) > 3 * first->scatter) continue;
      n += 1;
      sum_x += block.busy_cpus;
      sum_y += block.ticks_per_second;
    }
    Line line{.blocks = n};
    if (n < 3) return line;
    const double mean_x = sum_x / n;
    const double mean_y = sum_y / n;
    for (const Block& block : blocks_) {
      const double residual =
          first == nullptr ? 0 : block.ticks_per_second - first->intercept - first->slope * block.busy_cpus;
      if (first != nullptr && std::abs(residual) > 3 * first->scatter) continue;
      sum_xx += (block.busy_cpus - mean_x) * (block.busy_cpus - mean_x);
      sum_xy += (block.busy_cpus - mean_x) * (block.ticks_per_second - mean_y);
      sum_yy += (block.ticks_per_second - mean_y) * (block.ticks_per_second - mean_y);
    }
    line.slope = sum_xx > 0 ? sum_xy / sum_xx : 0;
    line.intercept = mean_y - line.slope * mean_x;
    const double residual_sum = std::max(0.0, sum_yy - line.slope * sum_xy);
    line.scatter = std::sqrt(residual_sum / (n - 2));
    const double leverage = sum_xx > 0 ? mean_x * mean_x / sum_xx : (mean_x > 0 ? 1e12 : 0);
    line.slope_error = sum_xx > 0 ? line.scatter / std::sqrt(sum_xx) : 0;
    line.intercept_error = line.scatter * std::sqrt(1 / n + leverage);
    return line;
  };
  Line rough = fit(nullptr);
  Line line = fit(&rough);
  if (line.blocks >= 3 && DropWhatHasPassed(line.intercept, line.slope, line.scatter)) {
    rough = fit(nullptr);
    line = fit(&rough);
  }
  if (line.blocks < 3) return;  // the second fit was left with nothing: keep what is known

  double mean_power = 0;
  for (const Block& block : blocks_) mean_power += block.ticks_per_second;
  mean_power /= static_cast<double>(blocks_.size());

  // 1.96 standard errors, doubled: neighbouring blocks are not independent (load changes slowly).
  const double half_width = 2 * 1.96 * line.intercept_error;
  const double limit = (base_.known ? kForgottenBeyond : kKnownWithin) * mean_power;
  // Power that falls with load (beyond the slope's own error) is no base and a load: something else is going on.
  const bool plausible = line.slope >= -4 * line.slope_error;
  base_.known = mean_power > 0 && half_width <= limit && plausible;
  base_.ticks_per_second = std::max(0.0, line.intercept);
  base_.error_ticks_per_second = half_width;
}

}  // namespace vrapl
