// PerfCounter: a count of the `power` PMU as a total of energy, with what is no energy told apart.
//
// The kernel extends the hardware's 32 bits to a count of 2^-32 J in 64 bits, which wraps around after 4.3 GJ, that is,
// never. What can go wrong lies below it:
//
// * The PMU of TPMI and, since Linux 7.0, of some MSR models adds (raw now - raw before) x scale without regard to the
//   wraparound of raw. There the count steps back by 2^32 x scale less the energy used. The scale is not shown to us,
//   but it follows from the unit, and the units are few: Advance() knows the step.
// * The same PMU takes a failed read for a raw 0: the count jumps by all of raw, and back. That is a glitch.
// * The kernel reads the hardware by a timer that is in time for 200 W at least twice over, and whenever we read. If
//   nobody reads for so long that the hardware can have wrapped around, a whole range may be missing.
//
// Source: Linux drivers/powercap/intel_rapl_common.c, rapl_event_update(), rapl_package_add_pmu_locked() (the scale)
// and event_read_counter(); arch/x86/events/rapl.c, rapl_event_update() and init_rapl_pmus() (the timer). Threads: one
// at a time. Nothing here allocates.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstdint>

#include "base/energy_counter.h"
#include "base/units.h"

namespace vrapl {

// One count of the kernel's RAPL PMUs.
inline constexpr double kPerfJoulesPerCount = 1.0 / 4294967296.0;

// For people: the count has 64 bits, and this is as near to 2^64 as a uint64_t comes. PerfCounter does not use it.
inline constexpr uint64_t kPerfWrapTicks = UINT64_MAX;

class PerfCounter {
 public:
  // The smallest range of a 32-bit register with a unit seen on real hardware, 2^-16 J.
  static constexpr double kSmallestRangeJoules = 65536;
  // Units of 2^-10 to 2^-18 J, and the fixed one of server DRAM, each in nanojoules as the driver cuts them.
  static constexpr uint64_t kUnitsNj[] = {976562, 488281, 244140, 122070, 61035, 30517, 15300, 15258, 7629, 3814};

  PerfCounter(uint64_t first, int64_t now_ns, EnergyUnit unit, double max_watts)
      : last_(first),
        last_ns_(now_ns),
        moved_ns_(now_ns),
        max_ticks_per_ns_(max_watts / unit.joules_per_tick / 1e9),
        slack_ticks_(GuardedCounter::kSlackJoules / unit.joules_per_tick),
        slack_left_ticks_(slack_ticks_),
        max_gap_ns_(static_cast<int64_t>(kSmallestRangeJoules / max_watts * 1e9)),
        wraps_show_(unit.joules_per_tick == kPerfJoulesPerCount) {}

  // As GuardedCounter::Advance(): 0 when `raw` was counted, ERANGE for a glitch (the next plausible reading counts from
  // the last good one), EOVERFLOW after too long a gap, a glitch that stayed, or Forget() (counting starts anew).
  int Advance(uint64_t raw, int64_t now_ns) {
    if (forget_) {
      Restart(raw, now_ns);
      return EOVERFLOW;
    }
    uint64_t ticks = raw - last_;
    if (ticks >= uint64_t{1} << 63) ticks = TicksAcrossWrap(last_ - raw, ticks);
    // As GuardedCounter: by the time since the count last moved, and with the room for late updates there once.
    const int64_t unseen_ns = now_ns - last_ns_;
    const int64_t still_ns = std::max(unseen_ns, std::min(now_ns - moved_ns_, GuardedCounter::kMaxRefreshNs));
    const double possible = static_cast<double>(still_ns) * max_ticks_per_ns_ + slack_left_ticks_;
    const bool glitch = static_cast<double>(ticks) > possible;
    if (unseen_ns > max_gap_ns_ || (glitch && ++glitches_ >= GuardedCounter::kMaxGlitches)) {
      Restart(raw, now_ns);
      return EOVERFLOW;
    }
    if (glitch) return ERANGE;
    if (ticks > 0) {
      slack_left_ticks_ = std::min(slack_ticks_, possible - static_cast<double>(ticks));
      moved_ns_ = now_ns;
    }
    total_.count += ticks;
    last_ = raw;
    last_ns_ = now_ns;
    glitches_ = 0;
    return 0;
  }

  // The next reading is a new start, whatever it is: Advance() will say EOVERFLOW.
  void Forget() { forget_ = true; }

  EnergyTicks total() const { return total_; }

 private:
  // Counts on from `raw` without counting what came before it.
  void Restart(uint64_t raw, int64_t now_ns) {
    last_ = raw;
    last_ns_ = moved_ns_ = now_ns;
    glitches_ = 0;
    forget_ = false;
  }

  // `forward` is the step modulo 2^64, `back` its opposite. The least energy that explains the step.
  uint64_t TicksAcrossWrap(uint64_t back, uint64_t forward) const {
    uint64_t least = forward;
    if (!wraps_show_) return least;
    for (const uint64_t unit_nj : kUnitsNj) {
      const uint64_t scale = (unit_nj << 32) / 1'000'000'000;
      const uint64_t range = scale << 32;
      if (range >= back && range - back < least) least = range - back;
    }
    return least;
  }

  uint64_t last_;
  int64_t last_ns_;   // of the last good reading
  int64_t moved_ns_;  // and of the last that differed from the one before it
  double max_ticks_per_ns_;
  double slack_ticks_;
  double slack_left_ticks_;
  int64_t max_gap_ns_;
  bool wraps_show_;
  int glitches_ = 0;  // in a row
  bool forget_ = false;
  EnergyTicks total_;
};

}  // namespace vrapl
