#include "delivery/guest_line_maker.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace vrapl {
namespace {

constexpr int64_t kNsPerUs = 1'000;
constexpr int64_t kNsPerMs = 1'000'000;

// Milliwatts of `uj` over `us`, to nearest, in integers. 2^63 uJ times 1000
// need more than 64 bits.
int64_t Milliwatts(int64_t uj, int64_t us) {
  __extension__ using Wide = unsigned __int128;
  const auto interval = static_cast<Wide>(us);
  return static_cast<int64_t>((static_cast<Wide>(uj) * 1000 + interval / 2) / interval);
}

absl::Status WentBack(absl::string_view what, int64_t from, int64_t to) {
  return absl::InvalidArgumentError(
      absl::StrCat("a guest's ", what, " went back from ", from, " to ", to, ": it needs a new epoch"));
}

// The cumulative energy that is told, and the power that follows from it.
void Tell(std::optional<int64_t> reading_uj, const EnergyQuantizer& quantizer, int64_t dt_us,
          std::optional<int64_t>& last_uj, std::optional<int64_t>& told_uj, std::optional<int64_t>& told_mw) {
  if (reading_uj.has_value()) {
    told_uj = quantizer.Told(*reading_uj);
    if (last_uj.has_value()) told_mw = Milliwatts(*told_uj - *last_uj, dt_us);
  }
  last_uj = told_uj;
}

}  // namespace

GuestLineMaker::GuestLineMaker(uint32_t epoch, int64_t start_ns, EnergyQuantizer quantizer)
    : epoch_(epoch), quantizer_(quantizer), last_us_(start_ns / kNsPerUs) {}

absl::StatusOr<GuestLine> GuestLineMaker::Next(const GuestReading& reading) {
  // Differences of rounded instants, so that the rounding of intervals does not
  // add up.
  const int64_t end_us = reading.end_ns / kNsPerUs;
  const int64_t energy_uj = reading.energy_uj.value_or(most_energy_uj_);
  const int64_t active_uj = reading.active_uj.value_or(most_active_uj_);
  const int64_t run_time_ns = reading.run_time_ns.value_or(most_run_time_ns_);
  if (end_us <= last_us_) return WentBack("time in us", last_us_, end_us);
  if (energy_uj < most_energy_uj_) return WentBack("energy in uJ", most_energy_uj_, energy_uj);
  if (active_uj < most_active_uj_) return WentBack("active energy in uJ", most_active_uj_, active_uj);
  if (run_time_ns < most_run_time_ns_) return WentBack("run time in ns", most_run_time_ns_, run_time_ns);

  GuestLine line;
  line.seq = ++seq_;
  line.unix_ms = reading.unix_ns / kNsPerMs;
  line.dt_us = end_us - last_us_;
  Tell(reading.energy_uj, quantizer_, line.dt_us, last_energy_uj_, line.energy_uj, line.power_mw);
  Tell(reading.active_uj, quantizer_, line.dt_us, last_active_uj_, line.active_uj, line.active_power_mw);
  // An error that were told to the microjoule would tell what the energies do not.
  if (const int64_t quantum_uj = quantizer_.quantum_uj(); reading.err_uj.has_value()) {
    line.err_uj = (*reading.err_uj + quantum_uj - 1) / quantum_uj * quantum_uj;
  }
  if (reading.energy_uj.has_value() || reading.active_uj.has_value()) line.quantum_uj = quantizer_.quantum_uj();
  line.run_time_ns = reading.run_time_ns;
  if (reading.vcpus > 0) line.vcpus = reading.vcpus;
  line.model = reading.model;
  line.source = reading.source;
  line.run_time_method = reading.run_time_method;
  line.epoch = epoch_;
  line.state = reading.state | (line.seq == 1 ? kLineWarm : kLineOk);

  last_us_ = end_us;
  most_energy_uj_ = energy_uj;
  most_active_uj_ = active_uj;
  most_run_time_ns_ = run_time_ns;
  return line;
}

}  // namespace vrapl
