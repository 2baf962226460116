// Energy of the whole host between two instants, read as often as the counters need and no oftener.
#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "sampler/backend.h"

namespace vrapl {

// The longest time between two reads after which no counter can have gone round more than once: a third of what the
// fastest takes at 1 kW, and 30 s at most. Where energy is integrated from readings of power, 1 s.
int64_t LongestReadGapNs(const OpenBackend& backend);

// Threads: one.
class EnergyTotal {
 public:
  // Both outlive this.
  EnergyTotal(const OpenBackend& backend, const Clock& clock);

  void Begin();
  // To be called by next_read_ns(), CLOCK_MONOTONIC, between Begin() and End().
  void KeepUp();
  int64_t next_read_ns() const { return next_read_ns_; }
  // Joules of all packages and their memory since Begin(); none where a read failed or a counter's energy is not known.
  std::optional<double> End();

 private:
  std::optional<double> Read();

  const OpenBackend& backend_;
  const Clock& clock_;
  const int64_t gap_ns_;
  int64_t next_read_ns_ = 0;
  std::optional<double> begin_;
  bool known_ = true;
};

}  // namespace vrapl
