// Widens an energy counter that counts modulo something (2^32 for a register, the range of a powercap zone) to a
// 64-bit total, and tells a count of energy from a glitch.
//
// Threads: one at a time. Nothing here allocates.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstdint>

#include "base/units.h"

namespace vrapl {

inline constexpr uint64_t kRegisterWrap = uint64_t{1} << 32;

// After a failed read, do not call Advance(): the next good read then counts from the last good one.
class EnergyCounter {
 public:
  // Counts from `first`, also when that is 0. `wrap_ticks` is the number of values the counter has, below 2^63.
  explicit EnergyCounter(uint64_t first, uint64_t wrap_ticks = kRegisterWrap)
      : wrap_ticks_(wrap_ticks), last_(Reduce(first)) {}

  // Ticks from the last reading to `raw`, taking a smaller value for one wraparound. `raw` may be a whole 64-bit
  // register: bits 63:32 are reserved, not always zero, and go with the remainder.
  uint64_t TicksTo(uint64_t raw) const { return StepTo(Reduce(raw)); }

  EnergyTicks Advance(uint64_t raw) {
    const uint64_t now = Reduce(raw);
    total_.count += StepTo(now);
    last_ = now;
    return total_;
  }

  // Counts on from `raw` without counting what came before it.
  void Restart(uint64_t raw) { last_ = Reduce(raw); }

  bool IsZero(uint64_t raw) const { return Reduce(raw) == 0; }

  EnergyTicks total() const { return total_; }
  uint64_t wrap_ticks() const { return wrap_ticks_; }

 private:
  // A register needs no division, which would be a good part of what a read costs.
  uint64_t Reduce(uint64_t raw) const {
    return wrap_ticks_ == kRegisterWrap ? static_cast<uint32_t>(raw) : raw % wrap_ticks_;
  }
  uint64_t StepTo(uint64_t now) const {
    const uint64_t step = now + wrap_ticks_ - last_;  // both are below wrap_ticks_
    return step >= wrap_ticks_ ? step - wrap_ticks_ : step;
  }

  uint64_t wrap_ticks_;
  uint64_t last_;
  EnergyTicks total_;
};

// An EnergyCounter that counts nothing a package cannot have used.
//
// A backwards step is no wraparound: read as one it would be most of the range, hundreds of kilojoules in a
// millisecond. And after a gap in which the counter may have wrapped around more than once, no reading can tell the
// energy. Both are errors, not figures.
class GuardedCounter {
 public:
  // No package or DRAM has been seen near 2 kW; a platform may hold eight packages. 50 J is room for late updates,
  // once: what has been taken of it comes back as the counter stays below its power.
  static constexpr double kMaxWatts = 2'000;
  static constexpr double kMaxPlatformWatts = 20'000;
  static constexpr double kSlackJoules = 50;
  static constexpr int kMaxGlitches = 16;
  // Hypervisors refresh the counters that they emulate about once a second. A counter that has stood still for longer
  // earns no more: a step back after hours of rest must not pass for a wraparound.
  static constexpr int64_t kMaxRefreshNs = 3'000'000'000;

  GuardedCounter(uint64_t first, int64_t now_ns, EnergyUnit unit, uint64_t wrap_ticks = kRegisterWrap,
                 double max_watts = kMaxWatts)
      : counter_(first, wrap_ticks),
        max_ticks_per_ns_(max_watts / unit.joules_per_tick / 1e9),
        slack_ticks_(kSlackJoules / unit.joules_per_tick),
        slack_left_ticks_(slack_ticks_),
        last_ns_(now_ns),
        moved_ns_(now_ns) {}

  // Returns 0 when `raw`, read at now_ns, was counted, else why it was not:
  //   ERANGE     more than max_watts since the counter last moved (for one that a hypervisor refreshes, a second ago):
  //   a
  //              glitch; so is a 0 that is not on the way of a wraparound. Nothing is lost: if the next reading is
  //              plausible again, it counts from the last good one.
  //   EOVERFLOW  so long since the last good reading that a wraparound may have gone unseen, or the glitch stayed, or
  //              Forget() was called. Counting starts anew at `raw`; the energy in between is unknown.
  int Advance(uint64_t raw, int64_t now_ns) {
    if (forget_) {
      StartAt(raw, now_ns);
      return EOVERFLOW;
    }
    const auto ticks = static_cast<double>(counter_.TicksTo(raw));
    const int64_t unseen_ns = now_ns - last_ns_;
    const int64_t still_ns = std::max(unseen_ns, std::min(now_ns - moved_ns_, kMaxRefreshNs));
    const double possible_ticks = static_cast<double>(still_ns) * max_ticks_per_ns_ + slack_left_ticks_;
    const bool glitch = ticks > possible_ticks;
    const double unseen_ticks = static_cast<double>(unseen_ns) * max_ticks_per_ns_;
    const bool wrap_unseen = unseen_ticks > static_cast<double>(counter_.wrap_ticks()) / 2;
    // A counter passes 0 for one update. One that shows it where it cannot be tells nothing, however long it stays.
    zero_refused_ = counter_.IsZero(raw) && (zero_refused_ || glitch || wrap_unseen);
    if (zero_refused_) return ERANGE;
    if (wrap_unseen || (glitch && ++glitches_ >= kMaxGlitches)) {
      StartAt(raw, now_ns);
      return EOVERFLOW;
    }
    if (glitch) return ERANGE;
    if (ticks > 0) {
      slack_left_ticks_ = std::min(slack_ticks_, possible_ticks - ticks);
      moved_ns_ = now_ns;
    }
    counter_.Advance(raw);
    last_ns_ = now_ns;
    glitches_ = 0;
    return 0;
  }

  // The next reading is a new start, whatever it is: Advance() will say EOVERFLOW.
  void Forget() { forget_ = true; }

  EnergyTicks total() const { return counter_.total(); }

 private:
  void StartAt(uint64_t raw, int64_t now_ns) {
    counter_.Restart(raw);
    last_ns_ = moved_ns_ = now_ns;
    glitches_ = 0;
    forget_ = false;
  }

  EnergyCounter counter_;
  double max_ticks_per_ns_;
  double slack_ticks_;
  double slack_left_ticks_;
  int64_t last_ns_;   // of the last good reading
  int64_t moved_ns_;  // and of the last that differed from the one before it
  int glitches_ = 0;  // in a row
  bool zero_refused_ = false;
  bool forget_ = false;
};

}  // namespace vrapl
