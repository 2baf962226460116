#include "guest/joules_per_run.h"

#include <algorithm>
#include <cmath>

namespace vrapl {
namespace {

double Squared(double value) { return value * value; }

}  // namespace

JoulesPerRun ComputeJoulesPerRun(const MeasuredRuns& measured) {
  JoulesPerRun result;
  if (measured.intervals.empty() || measured.runs < 1) {
    result.why_not = "no line came while the command ran";
    return result;
  }
  const GuestLine& first = measured.before;
  const GuestLine& last = measured.intervals.back();
  for (const GuestLine& line : measured.intervals) {
    result.state |= line.state;
    result.emulated = result.emulated || line.source == "emulated";
    if (line.epoch != first.epoch) {
      result.why_not =
          "the host began to count anew meanwhile (vrapl was restarted there, or this VM was moved); try again";
      return result;
    }
  }
  std::optional<int64_t> from = first.active_uj;
  std::optional<int64_t> to = last.active_uj;
  // While the idle floor is not known active energy stands still.
  const bool floor_known =
      std::none_of(measured.intervals.begin(), measured.intervals.end(),
                   [](const GuestLine& line) { return !line.active_uj.has_value() || line.model == "capacity"; });
  if (!floor_known || !from.has_value()) {
    result.whole_energy = true;
    from = first.energy_uj;
    to = last.energy_uj;
  }
  if (!from.has_value() || !to.has_value()) {
    result.why_not = "the host did not know this VM's energy (a counter failed, or it has none); see --watch";
    return result;
  }
  const auto energy_uj = static_cast<double>(*to - *from);
  result.vm_joules = energy_uj * 1e-6;
  for (const GuestLine& line : measured.intervals) result.window_s += static_cast<double>(line.dt_us) * 1e-6;
  const auto guest_ns = static_cast<double>(std::max(measured.guest_ns, measured.command_ns));
  if (measured.command_ns <= 0 || guest_ns <= 0) {
    result.why_not = "too short: the command used no CPU time that could be measured";
    return result;
  }
  result.share = static_cast<double>(measured.command_ns) / guest_ns;
  result.joules = result.vm_joules * result.share / measured.runs;

  // Two values that are rounded down to a step differ from the truth by less than a step: 95 % of a triangle of that
  // base lie within 0.7764 of it. A host that does not tell its step has the default one.
  constexpr double kDefaultQuantumUj = 100'000;
  const double quantum_uj =
      0.7764 * (last.quantum_uj.has_value() ? static_cast<double>(*last.quantum_uj) : kDefaultQuantumUj);
  result.error_unknown = !measured.intervals.front().err_uj.has_value() || !last.err_uj.has_value();
  const double error_uj = std::sqrt(Squared(static_cast<double>(measured.intervals.front().err_uj.value_or(0))) +
                                    Squared(static_cast<double>(last.err_uj.value_or(0))) + Squared(quantum_uj));
  const double energy_part = energy_uj > 0 ? error_uj / energy_uj : INFINITY;
  const double time_part = static_cast<double>(measured.guest_err_ns) / guest_ns;
  const double relative = std::sqrt(Squared(energy_part) + Squared(time_part));
  result.half_width = result.joules * relative;
  if (!(relative <= 0.5)) {
    result.why_not = "too short: the energy of the VM moved by " + FixedPoint(std::llround(energy_uj / 1000), 3) +
                     " J meanwhile, which is known to +-" + FixedPoint(std::llround(error_uj / 1000), 3) +
                     " J only; measure longer, such as --for=60s";
  }
  return result;
}

}  // namespace vrapl
