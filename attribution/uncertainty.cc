#include "attribution/uncertainty.h"

#include <algorithm>
#include <cmath>

namespace vrapl {
namespace {

constexpr double kNormal95 = 1.96;
// Of something that lies anywhere between 0 and 1.
constexpr double kUniform95 = 0.95;
constexpr double kUniformVariance = 1.0 / 12;
constexpr double kUjPerWattNs = 1e-3;

double Square(double x) { return x * x; }

// An instant is known to a standard deviation of so much, where the whole period is not open.
double BlurSquares(const CounterGrain& grain) {
  return Square(grain.jitter_ns) + kUniformVariance * Square(grain.skew_ns);
}

// How long ago the last update may have been.
double OpenNs(const CounterGrain& grain) { return grain.at_edges ? 0 : grain.period_ns; }

// Of the two ends of a window, where a row gets `begin_w` and loses `end_w` times what the counter had not shown yet.
// Both times lie anywhere in a period, so that the error lies between the two extremes. On a machine whose updates and
// samples keep step, a window of one length has the same two values again and again: normal quantiles would hold on
// average over machines, but not on each of them.
double EndsErrorUj(const CounterGrain& grain, double begin_w, double end_w) {
  const double open = kUniform95 * OpenNs(grain) * std::max(begin_w, end_w);
  const double blur_squares = BlurSquares(grain) * (Square(begin_w) + Square(end_w));
  return kUjPerWattNs * std::sqrt(Square(open) + Square(kNormal95) * blur_squares);
}

// Of the edges between the samples of a window: what the times since the last update have in common (samples and
// updates drift apart slowly) counts with the sum, what differs from edge to edge with the squares.
double InnerErrorUj(const CounterGrain& grain, double sum_w, double squares_w) {
  const double common = kUniform95 * OpenNs(grain) * sum_w;
  const double single_squares = (kUniformVariance * Square(OpenNs(grain)) + BlurSquares(grain)) * squares_w;
  return kUjPerWattNs * std::sqrt(Square(common) + Square(kNormal95) * single_squares);
}

}  // namespace

double HostErrorUj(const CounterGrain& grain, double begin_w, double end_w) {
  // What is no whole tick yet, at both ends.
  const double quantum = kNormal95 * grain.unit_uj * std::sqrt(2 * kUniformVariance);
  return std::hypot(EndsErrorUj(grain, begin_w, end_w), quantum);
}

double RelativeHostError(const CounterGrain& grain, double power_w, int64_t window_ns) {
  return HostErrorUj(grain, power_w, power_w) / (power_w * kUjPerWattNs * static_cast<double>(window_ns));
}

int64_t ShortestHonestWindowNs(const CounterGrain& grain, double power_w, double within) {
  const double shortest = HostErrorUj(grain, power_w, power_w) / (power_w * kUjPerWattNs * within);
  // Between two updates there is nothing to see.
  return std::llround(std::ceil(std::max(shortest, grain.period_ns)));
}

void RowErrorSums::Add(double power_w, double share, double busy_cpus, int64_t dt_ns) {
  const double at_edge_w = last_power_w_ == 0 ? power_w : (last_power_w_ + power_w) / 2;
  if (busy_ns_ < 0) {
    begin_power_w_ = at_edge_w;
    begin_share_ = share;
    busy_ns_ = 0;
  } else {
    const double change = share - last_share_;
    inner_w_ += at_edge_w * change;
    inner_squares_w_ += Square(at_edge_w * change);
    share_squares_ += Square(change);
  }
  const auto dt = static_cast<double>(dt_ns);
  dt_ns_ += dt;
  share_ns_ += share * dt;
  run_ns_ += share * busy_cpus * dt;
  busy_ns_ += busy_cpus * dt;
  last_power_w_ = power_w;
  last_share_ = share;
}

double RowErrorSums::ErrorUj(const CounterGrain& grain, double base_err_w, double residual_uj) const {
  const double ends = EndsErrorUj(grain, begin_power_w_ * begin_share_, last_power_w_ * last_share_);
  const double inner = InnerErrorUj(grain, inner_w_, inner_squares_w_);
  // Ticks of the counter at each edge, and of the row, which is settled in whole ticks at both ends.
  const double quantum_squares = kUniformVariance * Square(grain.unit_uj) * (share_squares_ + 4);
  return std::sqrt(Square(ends) + Square(inner) + Square(kNormal95) * quantum_squares +
                   Square(BaseErrorUj(base_err_w)) + Square(residual_uj));
}

double RowErrorSums::BaseErrorUj(double base_err_w) const {
  // A base that is too low is too much active energy for whoever ran in each sample. One that is too high takes of the
  // active energy there is, later if there is none now: so by run time over the whole window.
  const double part_ns = busy_ns_ > 0 ? dt_ns_ * run_ns_ / busy_ns_ : 0;
  return base_err_w * std::max(share_ns_, part_ns) * kUjPerWattNs;
}

void RowErrorSums::Restart() {
  const double power_w = last_power_w_;
  *this = {};
  last_power_w_ = power_w;
}

void RowErrorSums::Append(const RowErrorSums& next) {
  if (next.empty()) return;
  if (empty()) {
    *this = next;
    return;
  }
  const double change = next.begin_share_ - last_share_;
  inner_w_ += next.begin_power_w_ * change + next.inner_w_;
  inner_squares_w_ += Square(next.begin_power_w_ * change) + next.inner_squares_w_;
  share_squares_ += Square(change) + next.share_squares_;
  dt_ns_ += next.dt_ns_;
  share_ns_ += next.share_ns_;
  run_ns_ += next.run_ns_;
  busy_ns_ += next.busy_ns_;
  last_power_w_ = next.last_power_w_;
  last_share_ = next.last_share_;
}

double ErrorOfTicksUj(const RowErrorSums& sums, const CounterGrain& grain, double base_err_w, double residual_uj) {
  CounterGrain in_ticks = grain;
  in_ticks.unit_uj = 1;
  return grain.unit_uj * sums.ErrorUj(in_ticks, base_err_w / grain.unit_uj, residual_uj / grain.unit_uj);
}

}  // namespace vrapl
