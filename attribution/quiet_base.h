// The base power as a package shows it: in samples in which, and before which, next to nobody ran. No line has to be
// drawn from busy samples to a package that sleeps, which is never where a straight one would meet it: the first core
// that wakes wakes the uncore too.
//
// A filter of one value, which follows a base that drifts as quickly as it was found to, and one that steps at once.
// Pure. Units: milliseconds and ticks.
#pragma once

#include "absl/types/span.h"
#include "attribution/power_fit.h"

namespace vrapl {

class QuietBase {
 public:
  // Takes in a batch. `busy_power`: what a busy CPU is thought to add, for the little that ran; give or take `doubt`.
  // Both in ticks per ms.
  void Update(absl::Span<const FitSample> samples, double busy_power, double doubt);

  // Seen lately enough that its interval is still narrow.
  bool known() const { return known_; }
  double ticks_per_ms() const { return value_; }
  double error() const { return error_; }  // half width of the 95 % interval, ticks per ms

 private:
  struct Seen {
    double ticks_per_ms = 0;  // of the package, with what ran
    double variance = 0;      // of that
    double busy_cpus = 0;
  };
  static bool See(absl::Span<const FitSample> samples, Seen& seen);

  bool started_ = false;
  bool known_ = false;
  double value_ = 0;
  double variance_ = 0;
  double drift_ = 0;  // by how much it moves in two seconds: variance
  double doubt_ = 0;  // of what was taken off for what ran
  double error_ = 0;
};

}  // namespace vrapl
