// How much energy an emulated package has used: power specifications and their exact integrals.
//
// Energy is a function of time, not a sum of steps: whatever instants are asked for, nothing drifts and nothing is
// lost to rounding. Pure values; no file (but ParsePowerSpec's curve:FILE), clock or thread. Threads: any.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace vrapl {

// Energy in units of 10^-17 J, so that microwatts x nanoseconds x percent is an integer. 128 bits last for 10^21 J.
__extension__ using ExactEnergy = __int128;
inline constexpr ExactEnergy kExactPerJoule = 100'000'000'000'000'000;

constexpr ExactEnergy EnergyOf(int64_t power_uw, int64_t interval_ns) {
  return ExactEnergy{power_uw} * interval_ns * 100;
}

// The size of one tick as a ratio of integers: `ticks` ticks are `energy`.
struct TickSize {
  int64_t ticks = 1;
  ExactEnergy energy = kExactPerJoule;

  static constexpr TickSize PowerOfTwo(int esu) { return {.ticks = int64_t{1} << esu, .energy = kExactPerJoule}; }
  static constexpr TickSize Microjoules(int64_t uj) { return {.ticks = 1, .energy = kExactPerJoule / 1'000'000 * uj}; }
  constexpr uint64_t WholeTicks(ExactEnergy used) const { return static_cast<uint64_t>(used * ticks / energy); }
  constexpr double joules() const {
    return static_cast<double>(energy) / static_cast<double>(kExactPerJoule) / static_cast<double>(ticks);
  }
};

// "80W", "1.5kW", "250mW" in microwatts; INVALID_ARGUMENT without a unit, when negative or above 1 MW.
absl::StatusOr<int64_t> ParsePower(absl::string_view text);
// "100ms", "1.5s", "20us" in nanoseconds; INVALID_ARGUMENT without a unit or when negative.
absl::StatusOr<int64_t> ParseInterval(absl::string_view text);

// Power over time, and over the busy time of CPUs:
//   const:80W                 always
//   square:60W,120W,100ms     60 W for the first 50 ms of each 100 ms, then 120 W
//   load:20W+15W/cpu          20 W, and 15 W more for each CPU that is busy
//   curve:FILE                lines TIME,POWER ("0s,60W"): that power from then on; the last line ends the curve, its
//                             power is not used; then from the beginning again
class PowerSpec {
 public:
  // INVALID_ARGUMENT and, for a curve's file, what reading it gave.
  static absl::StatusOr<PowerSpec> Parse(absl::string_view spec);

  // Used from 0 to t_ns by a package whose CPUs were busy for busy_ns of that, all together.
  ExactEnergy Energy(int64_t t_ns, int64_t busy_ns) const;
  // The part above the base power: load's first figure, the lowest power of square and curve, 0 of const.
  ExactEnergy EnergyAboveBase(int64_t t_ns, int64_t busy_ns) const;

  bool follows_load() const { return busy_cpu_uw_ != 0; }
  int64_t busy_cpu_uw() const { return busy_cpu_uw_; }  // power of one busy CPU
  const std::string& text() const { return text_; }     // as it was given

 private:
  struct Step {
    int64_t from_ns;
    int64_t power_uw;
    ExactEnergy before;  // from 0 to from_ns
  };
  absl::Status Append(int64_t from_ns, int64_t power_uw);
  absl::Status ParseSteps(absl::string_view kind, absl::string_view rest);
  ExactEnergy EnergyOfSteps(int64_t t_ns) const;

  std::string text_;
  std::vector<Step> steps_;  // steps_[0].from_ns == 0
  int64_t period_ns_ = 0;    // the steps repeat after this; 0: the last one lasts for ever
  int64_t base_uw_ = 0;
  int64_t busy_cpu_uw_ = 0;
};

// Power of the memory of a package: a share of the package's, or a specification of its own.
struct DramPower {
  int percent = 10;
  std::optional<PowerSpec> own;

  // "10%" or anything that PowerSpec understands.
  static absl::StatusOr<DramPower> Parse(absl::string_view spec);
  ExactEnergy Energy(int64_t t_ns, int64_t busy_ns, ExactEnergy package) const {
    return own ? own->Energy(t_ns, busy_ns) : package * percent / 100;
  }
};

}  // namespace vrapl
