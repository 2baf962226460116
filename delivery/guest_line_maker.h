// From cumulative readings to lines: sequence, interval, quantum, and a power
// that agrees with the energy. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "delivery/energy_quantizer.h"
#include "guest_line/guest_line.h"

namespace vrapl {

// The step in which energy is told: 0.1 J, 50 mW over 2 s. Power at high resolution tells what the processor works on
// (PLATYPUS, CVE-2020-8694); how much is left of that, delivery/leak_bound.h says.
inline constexpr int64_t kDefaultQuantumUj = 100'000;

// Everything cumulative since the epoch began, at the end of an interval.
struct GuestReading {
  int64_t end_ns = 0;                // monotonic
  int64_t unix_ns = 0;               // the same instant on the wall clock
  std::optional<int64_t> energy_uj;  // nullopt: not known now; never 0 for that
  std::optional<int64_t> active_uj;
  std::optional<int64_t> err_uj;  // of the interval, not cumulative
  std::optional<int64_t> run_time_ns;
  int vcpus = 0;  // 0: unknown
  std::string model;
  std::string source;
  std::string run_time_method;
  uint32_t state = kLineOk;  // kLineWarm is added here
};

// The lines of one VM through one epoch. A new epoch, with a random number and
// readings that start from zero, is due when the VM starts or arrives by
// migration, when this program starts, and when its counts cannot be carried
// on.
class GuestLineMaker {
 public:
  // `start_ns` is the monotonic time when everything was zero. quantum_uj >= 1;
  // 1 is no quantum.
  GuestLineMaker(uint32_t epoch, int64_t start_ns, int64_t quantum_uj = kDefaultQuantumUj)
      : GuestLineMaker(epoch, start_ns, EnergyQuantizer(quantum_uj)) {}
  GuestLineMaker(uint32_t epoch, int64_t start_ns, EnergyQuantizer quantizer);

  // Energies are told as the quantizer says and the rest is carried by their
  // being cumulative; `err_uj` is rounded up to the quantum. A power is the difference between this line's energy and
  // the last line's, over dt: |power x dt - difference| <= 0.5 mW x dt. The
  // line after one without energy has no power: its difference would span two
  // intervals.
  //
  // Errors: INVALID_ARGUMENT when time or a cumulative value goes back; nothing
  // changes then.
  absl::StatusOr<GuestLine> Next(const GuestReading& reading);

  uint32_t epoch() const { return epoch_; }

 private:
  const uint32_t epoch_;
  const EnergyQuantizer quantizer_;
  uint64_t seq_ = 0;
  int64_t last_us_;
  std::optional<int64_t> last_energy_uj_ = 0;  // as told
  std::optional<int64_t> last_active_uj_ = 0;
  // The highest so far, as read.
  int64_t most_energy_uj_ = 0;
  int64_t most_active_uj_ = 0;
  int64_t most_run_time_ns_ = 0;
};

}  // namespace vrapl
