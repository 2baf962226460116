// How sure a measured energy is: the half width of its 95 % interval, for the window that is asked for.
//
// What is in it is measurement: an energy counter shows what had been used at its last update, not at the instant at
// which it was read (up to a period, for the power at that instant); it counts whole ticks; a read takes some time; and
// the base power has an interval of its own, as has what a fit found. Neighbouring windows share an update edge, which
// one has too much and the other too little: their errors cancel, so that an interval is computed for a window and
// never summed over its samples.
//
// What is not in it: that a model may be wrong, for which the spread between models stands in a column of its own; and
// RAPL's own error against a wall meter.
//
// Pure. Powers in W, energies in uJ, times in ns. Or energies in another unit, ticks say, where powers are in that unit
// per us and the counter's unit is told in it: W are uJ per us.
#pragma once

#include <cstdint>

namespace vrapl {

// What is known of a counter and of how it is read.
struct CounterGrain {
  double unit_uj = 0;
  // Between two updates. Where it is not known: how often the counter was read, since it was seen to move between
  // reads.
  double period_ns = 0;
  double jitter_ns = 0;  // of one update, standard deviation
  double skew_ns = 0;    // how long a read takes, mean
  // Samples are taken at the updates (--align=edge) and not anywhere between two: a window ends at an edge, known but
  // for jitter and skew.
  bool at_edges = false;
};

// Energy of a host's counter in a window that begins and ends at these powers.
double HostErrorUj(const CounterGrain& grain, double begin_w, double end_w);

// As a part of the energy at a steady power: 0.03 is 3 %.
double RelativeHostError(const CounterGrain& grain, double power_w, int64_t window_ns);

// The shortest window at which the relative error at a steady power is no more than `within`.
int64_t ShortestHonestWindowNs(const CounterGrain& grain, double power_w, double within);

// Power from what a counter moved, smoothed over some samples: a single one may have no update in it, or two.
class SmoothedPower {
 public:
  double Add(double moved_uj, int64_t dt_ns) {
    energy_uj_ += kWeight * (moved_uj - energy_uj_);
    time_us_ += kWeight * (static_cast<double>(dt_ns) * 1e-3 - time_us_);
    return watts();
  }
  double watts() const { return time_us_ > 0 ? energy_uj_ / time_us_ : 0; }

 private:
  static constexpr double kWeight = 0.5;
  double energy_uj_ = 0;
  double time_us_ = 0;
};

// What one row's error in a window is computed from: fed with each sample, asked when the window ends. A row that gets
// the part s of what moves in each sample loses or gains, at the edge between two samples, the energy that the counter
// had not shown yet times the change of s there; at both ends of the window s comes from and goes to nothing.
class RowErrorSums {
 public:
  // A sample of dt_ns, in which the host drew power_w, busy_cpus CPUs were busy, and `share` (0 to 1) of what was
  // divided went to the row. A power from several samples around it is better than the sample's own, which is blurred
  // by the same edges.
  void Add(double power_w, double share, double busy_cpus, int64_t dt_ns);

  // The window ends with the last sample added. base_err_w: half width of the 95 % interval of the base power, 0 where
  // nothing was taken off; residual_uj: of what a fit adds, 95 %.
  double ErrorUj(const CounterGrain& grain, double base_err_w, double residual_uj = 0) const;
  // The base power's part of it.
  double BaseErrorUj(double base_err_w) const;

  // The next window begins, where this one ended.
  void Restart();

  // `next` is the window that follows: this is of both from now on, as if there had been no end between them.
  void Append(const RowErrorSums& next);

 private:
  friend class RowErrors;  // which keeps them for many rows

  bool empty() const { return busy_ns_ < 0; }

  double last_power_w_ = 0;
  double last_share_ = 0;
  double begin_power_w_ = 0;
  double begin_share_ = 0;
  double inner_w_ = 0;          // between samples: sum of power x change of share
  double inner_squares_w_ = 0;  // sum of their squares
  double share_squares_ = 0;    // sum of squares of the changes
  double dt_ns_ = 0;
  double share_ns_ = 0;  // sum of share x time
  double run_ns_ = 0;    // CPU time of this row and of all
  double busy_ns_ = -1;  // below 0: the window has no sample yet
};

// Of sums in ticks, of a counter whose unit is grain.unit_uj.
double ErrorOfTicksUj(const RowErrorSums& sums, const CounterGrain& grain, double base_err_w, double residual_uj);

}  // namespace vrapl
