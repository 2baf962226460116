// How much a VM can learn of another by its own lines, measured: a sender chooses its power anew for each line, all of
// which shows in the receiver's energy; the receiver reads its lines as text and guesses. A simulation, and the worst
// case: no other load, no noise of the machine, clocks that agree. What is told is held against the bound.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <optional>
#include <random>
#include <utility>

#include "delivery/guest_line.h"
#include "delivery/guest_policy.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

constexpr double kRangeW = 100;
constexpr double kReceiverW = 7.3;       // what it draws itself, and knows
constexpr double kTickUj = 61.03515625;  // the counter's own step: 2^-14 J
constexpr int kLines = 4000;

// Bits for one line that surely arrived, of a sender with `levels` of equal distance, by Fano's inequality: errors of
// the guesses are counted as if nothing were known of a wrong one.
double BitsPerLine(const GuestPolicy& policy, int64_t levels, uint64_t seed) {
  std::mt19937_64 random(seed);
  const std::optional<uint64_t> noise = policy.noise ? std::optional<uint64_t>(random()) : std::nullopt;
  GuestLineMaker maker(1, 0, EnergyQuantizer(policy.quantum_uj, noise));
  const double period_s = static_cast<double>(policy.period_ns) * 1e-9;
  const double step_w = kRangeW / static_cast<double>(levels - 1);
  double energy_uj = static_cast<double>(random() % 1'000'000);
  int64_t last_told_uj = 0;
  int wrong = 0;
  for (int i = 0; i <= kLines; ++i) {
    const auto level = static_cast<int64_t>(random() % static_cast<uint64_t>(levels));
    energy_uj += (kReceiverW + static_cast<double>(level) * step_w) * period_s * 1e6;
    GuestReading reading{.end_ns = (i + 1) * policy.period_ns, .unix_ns = i * policy.period_ns};
    reading.energy_uj = static_cast<int64_t>(std::floor(energy_uj / kTickUj) * kTickUj);
    const absl::StatusOr<GuestLine> line = ParseGuestLine(FormatGuestLine(*maker.Next(reading)));
    const int64_t told_uj = *line->energy_uj;
    const double seen_w = static_cast<double>(told_uj - std::exchange(last_told_uj, told_uj)) * 1e-6 / period_s;
    const auto guess = static_cast<int64_t>(std::llround((seen_w - kReceiverW) / step_w));
    if (i > 0 && std::clamp<int64_t>(guess, 0, levels - 1) != level) ++wrong;  // the first has the start in it
  }
  const double error = static_cast<double>(wrong) / kLines;
  const auto entropy = [](double p) { return p <= 0 || p >= 1 ? 0 : -p * std::log2(p) - (1 - p) * std::log2(1 - p); };
  return std::max(0.0, std::log2(levels) - entropy(error) - error * std::log2(static_cast<double>(levels - 1)));
}

// The best that the sender finds.
double MeasuredBits(const GuestPolicy& policy) {
  double best = 0;
  for (int bits = 1; bits <= 26; ++bits) {
    best = std::max(best, BitsPerLine(policy, int64_t{1} << bits, 7 + static_cast<uint64_t>(bits)));
  }
  return best / (static_cast<double>(policy.period_ns) * 1e-9);
}

GuestPolicy OnlyEnergy(GuestPolicy policy) {
  policy.active = policy.error = false;
  return policy;
}

TEST(LeakTest, NoSettingTellsMoreThanItsBound) {
  const struct {
    const char* name;
    GuestPolicy policy;
  } rows[] = {
      {"raw, every 1 ms", OnlyEnergy({.period_ns = 1'000'000, .quantum_uj = 1})},
      {"raw, every 2 s", OnlyEnergy({.quantum_uj = 1})},
      {"default, energy alone", OnlyEnergy({})},
      {"default with noise, energy alone", OnlyEnergy({.noise = true})},
      {"manifesto", ManifestoPolicy()},
  };
  std::printf("| setting | measured, bit/s | bound, bit/s |\n| --- | --- | --- |\n");
  double last = 1e12;
  for (const auto& row : rows) {
    const double measured = MeasuredBits(row.policy);
    const double bound = LeakBound(row.policy, kRangeW);
    std::printf("| %s | %.3f | %.3f |\n", row.name, measured, bound);
    EXPECT_LE(measured, bound) << row.name;
    EXPECT_GT(measured, bound / 3) << row.name;  // else the receiver is no good, and the test says nothing
    EXPECT_LT(measured, last) << row.name;
    last = measured;
  }
}

}  // namespace
}  // namespace vrapl
