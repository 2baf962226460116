// What kept the sampling thread from its ticks: each time it woke far too late, when that was, for how long, and how
// much of it the hypervisor below had taken away. Told from the samples themselves, so that a recording gives the same.
//
// Threads: the flush thread.
#pragma once

#include <cstdint>
#include <vector>

#include "base/clock.h"
#include "base/sample.h"

namespace vrapl {

// A wake so much later than its tick is a stall, at any rate of sampling: it is more than one tick of a kernel with
// HZ=250, hence more than the kernel's own timers and a busy softirq account for, and at 1 kHz five samples are
// missing. What is shorter is in the histogram of lateness.
inline constexpr int64_t kStallNs = 5 * kNanosPerMilli;

struct Stall {
  int64_t t_ns = 0;     // the tick at which the thread was to wake
  int64_t late_ns = 0;  // how much later it did
  // Of late_ns, what was stolen at most: steal of all CPUs of the package in that sample's window.
  int64_t stolen_ns = 0;
};

// Since the start.
struct StallSummary {
  uint64_t stalls = 0;
  int64_t late_ns = 0;  // all of them
  int64_t stolen_ns = 0;
  Stall longest;
  // Ticks that were missed, and those of them that would have been met had the window's steal not been: at most, for
  // the steal may have been that of another CPU of the package.
  uint64_t missed = 0;
  uint64_t missed_stolen = 0;
};

class Stalls {
 public:
  // The list of one flush; what is beyond is counted.
  static constexpr size_t kMostKept = 256;

  explicit Stalls(int64_t period_ns) : period_ns_(period_ns) {}

  void Add(const SampleHeader& header);

  const StallSummary& summary() const { return summary_; }
  // Those since the last call, in order of time, the first kMostKept of them.
  std::vector<Stall> TakeNew();

 private:
  int64_t period_ns_;
  StallSummary summary_;
  std::vector<Stall> new_;
};

}  // namespace vrapl
