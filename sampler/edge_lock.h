// Wakes a sampling thread at the updates of one counter: sleeps until an eighth of an update period before the next one
// is due, then reads the counter again and again until it moves. A sample taken then has the energy of whole update
// periods and the instants at which they ended, which reads by the clock do not.
//
// The thread that polls has real-time priority, so polling ends: at an eighth of a period per update when all is well,
// at half a period past the update when none comes, at one and a half when the thread woke too late for the update and
// waits for the next. After some updates in a row that did not come, or that it woke too late for, it samples by the
// clock for a second before it tries again.
//
// Allocates nothing, takes no lock, logs nothing.   Threads: the sampling thread.
// Source of the idea: Haehnel et al., "Measuring Energy Consumption for Short Code Paths Using RAPL".
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/types/span.h"
#include "base/clock.h"
#include "base/energy_source.h"
#include "base/update_edges.h"

namespace vrapl {

class EdgeLock {
 public:
  // Polling for updates further apart would take the CPU away from others for too long at a stretch.
  static constexpr int64_t kMaxUpdatePeriodNs = 20 * kNanosPerMilli;
  static constexpr int kMissesToRest = 16;  // in a row
  static constexpr int64_t kRestNs = kNanosPerSecond;

  struct Options {
    size_t domain = 0;                   // whose updates
    int64_t update_period_ns = 0;        // as measured before
    int64_t period_ns = kNanosPerMilli;  // between samples: rounded to whole update periods, one at least
  };

  // One turn of the loop.
  struct Tick {
    int64_t late_ns = 0;  // of the latest wake in it
    uint64_t missed = 0;  // ticks that passed beside the one sampled now
    uint32_t flags = 0;   // for the sample: kSample...; none while it goes by the clock
    // Where flags has kSampleAtEdge: the update lies between the start of the last read of the old value and the end of
    // the first of the new one.
    int64_t before_ns = 0;
    int64_t after_ns = 0;
    int64_t edge_ns() const { return before_ns + (after_ns - before_ns) / 2; }
  };

  // Both must outlive this.
  EdgeLock(EnergySource& source, const Clock& clock, const Options& options);

  // The grid begins at start_ns.
  void Start(int64_t start_ns);
  // Returns at the next update, or after the time that one may take: the moment to take a sample.
  Tick Next();

  // When Next() will wake: up to then nothing happens.
  int64_t wake_ns() const { return expected_ns_ - period_ns() / kPolledPart; }
  // The sample for the latest tick is of this instant after all, not of the update.
  void SampledAt(int64_t t_ns) { last_sample_ns_ = t_ns; }
  // A read that is held up for longer after an update is not at that update any more.
  int64_t longest_hold_up_ns() const { return period_ns() / kPolledPart; }
  int64_t step_ns() const { return static_cast<int64_t>(update_period_ns_ * static_cast<double>(stride_)); }

 private:
  // Sleeps up to 7/8 of the way to the next update.
  static constexpr int64_t kPolledPart = 8;
  enum class Polled { kEdge, kBlurred, kNone };

  Tick NextByClock();
  Polled Poll(uint64_t old, int64_t before_ns, int64_t limit_ns, Tick& tick);
  void OnEdge(Tick& tick);
  void OnBlurred(Tick& tick);
  void OnNoEdge(Tick& tick);
  void CountMiss(int64_t now_ns);
  int64_t period_ns() const { return static_cast<int64_t>(update_period_ns_); }

  EnergySource& source_;
  const Clock& clock_;
  const size_t domain_;
  const double learned_period_ns_;
  const int64_t stride_;  // update periods from one sample to the next
  double update_period_ns_;
  int64_t expected_ns_ = 0;     // the update that the next sample is to be taken at
  int64_t last_edge_ns_ = 0;    // seen; 0: none yet
  int64_t last_sample_ns_ = 0;  // at an edge or not
  uint64_t raw_ = 0;            // the counter after the last edge
  bool lost_ = true;            // where the next update lies is not known to a part of a period
  int misses_ = 0;              // in a row: no update came, or the thread woke too late for it
  int64_t rest_until_ns_ = 0;   // by the clock until then
};

// How a package is sampled at its updates every period_ns or so; or by the clock, and why.
struct Alignment {
  std::optional<EdgeLock::Options> lock;
  std::string notice;  // for a person; "" when all is as it was asked for
};

// `updates` are those that were measured before, one per domain. Reads the counter once.
Alignment AlignToEdges(EnergySource& source, absl::Span<const UpdateSummary> updates, int64_t period_ns);

}  // namespace vrapl
