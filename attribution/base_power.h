// The base power of a package: what it draws when no thread runs. Learned online: seen where the package was quiet for
// some milliseconds, else inferred from how power goes with what ran, with an interval as wide as that is doubtful;
// never the smallest power once seen. Or given by the operator.
//
// Pure: fed with samples, asked every other second. In ticks per second, since units multiply at output.
#pragma once

#include <cstdint>
#include <vector>

#include "attribution/power_fit.h"
#include "attribution/quiet_base.h"

namespace vrapl {

struct BasePower {
  bool known = false;
  double ticks_per_second = 0;
  double error_ticks_per_second = 0;  // half width of the 95 % interval; of a given one, as given
  bool given = false;
  bool seen = false;  // on a quiet package, lately
};

class BasePowerEstimator {
 public:
  // Fixes the base; learning ends. `error_ticks_per_second`: half width of its 95 % interval.
  void Give(double ticks_per_second, double error_ticks_per_second = 0) {
    base_ = {.known = true,
             .ticks_per_second = ticks_per_second,
             .error_ticks_per_second = error_ticks_per_second,
             .given = true};
  }

  // Energy and time between two instants at which the counter had just moved. `busy_ns`: CPU time not idle, all CPUs;
  // `awake_ns`: time in which any CPU was not idle.
  void Add(uint64_t ticks, int64_t dt_ns, int64_t busy_ns, double awake_ns);

  // Learns from the samples since the last time, if they are enough. Known when the interval is at most kKnownWithin of
  // mean power.
  void Update();

  const BasePower& base() const { return base_; }

  static constexpr size_t kEnoughSamples = 20;  // fewer say nothing about their own scatter
  static constexpr double kKnownWithin = 0.25;  // one that was seen: see QuietBase
  // Once known, kept until the interval is this much wider: it must not flicker between two models.
  static constexpr double kForgottenBeyond = 0.35;

 private:
  std::vector<FitSample> samples_;
  QuietBase quiet_;
  PowerFit line_{0, /*with_states=*/false};
  BasePower base_;
};

}  // namespace vrapl
