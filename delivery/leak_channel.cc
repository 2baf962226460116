#include "delivery/leak_channel.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <random>
#include <utility>

#include "delivery/guest_line.h"
#include "delivery/guest_line_maker.h"

namespace vrapl {
namespace {

constexpr double kReceiverW = 7.3;       // what it draws itself, and knows
constexpr double kFloorW = 2.1;          // of it what is no active power
constexpr double kTickUj = 61.03515625;  // the counter's own step: 2^-14 J
constexpr int kMostBits = 26;

int64_t InTicks(double energy_uj) { return static_cast<int64_t>(std::floor(energy_uj / kTickUj) * kTickUj); }

double Entropy(double p) { return p <= 0 || p >= 1 ? 0 : -p * std::log2(p) - (1 - p) * std::log2(1 - p); }

// For one line, of a sender with `levels` of equal distance.
double BitsPerLine(const GuestPolicy& policy, double range_w, int64_t levels, int lines, uint64_t seed) {
  std::mt19937_64 random(seed);
  const std::optional<uint64_t> noise = policy.noise ? std::optional<uint64_t>(random()) : std::nullopt;
  GuestLineMaker maker(1, 0, EnergyQuantizer(policy.quantum_uj, noise));
  const double period_s = static_cast<double>(policy.period_ns) * 1e-9;
  const double step_w = range_w / static_cast<double>(levels - 1);
  double energy_uj = static_cast<double>(random() % 1'000'000);
  double floor_uj = energy_uj * 0.5;
  int64_t last_told_uj = 0;
  int64_t last_active_uj = 0;
  int wrong = 0;
  for (int i = 0; i <= lines; ++i) {
    const auto level = static_cast<int64_t>(random() % static_cast<uint64_t>(levels));
    energy_uj += (kReceiverW + static_cast<double>(level) * step_w) * period_s * 1e6;
    floor_uj += kFloorW * period_s * 1e6;
    GuestReading reading{.end_ns = (i + 1) * policy.period_ns, .unix_ns = i * policy.period_ns};
    reading.energy_uj = InTicks(energy_uj);
    if (policy.active && policy.format != GuestFormat::kWatts) reading.active_uj = InTicks(energy_uj - floor_uj);
    const absl::StatusOr<GuestLine> line = ParseGuestLine(FormatGuestLine(*maker.Next(reading)));
    double seen_uj = static_cast<double>(*line->energy_uj - std::exchange(last_told_uj, *line->energy_uj));
    if (line->active_uj) {
      const auto active_uj = static_cast<double>(*line->active_uj - std::exchange(last_active_uj, *line->active_uj));
      seen_uj = (seen_uj + active_uj + kFloorW * period_s * 1e6) / 2;
    }
    const auto guess = static_cast<int64_t>(std::llround((seen_uj * 1e-6 / period_s - kReceiverW) / step_w));
    if (i > 0 && std::clamp<int64_t>(guess, 0, levels - 1) != level) ++wrong;  // the first has the start in it
  }
  const double error = static_cast<double>(wrong) / lines;
  return std::log2(levels) - Entropy(error) - error * std::log2(static_cast<double>(levels - 1));
}

}  // namespace

double MeasureLeak(const GuestPolicy& policy, double range_w, int lines) {
  if (!policy.deliver) return 0;
  double best = 0;
  for (int bits = 1; bits <= kMostBits; ++bits) {
    best = std::max(best, BitsPerLine(policy, range_w, int64_t{1} << bits, lines, 7 + static_cast<uint64_t>(bits)));
  }
  return best / (static_cast<double>(policy.period_ns) * 1e-9);
}

}  // namespace vrapl
