#include "cli/overhead_text.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/median.h"

namespace vrapl {
namespace {

// A slow-down that is known to less than this is no figure.
constexpr double kWideInterval = 0.02;

std::string Verdict(const MedianSummary& slowdown, const MedianSummary& control) {
  if (control.count >= 6 && (control.low > 1 || control.high < 1)) {
    return "the machine is not quiet enough to tell: the command without sampling differs from itself";
  }
  if (slowdown.coverage < 0.95) return "too few runs to tell: 6 rounds at least are needed";
  if (slowdown.high - slowdown.low > kWideInterval) {
    return absl::StrFormat("too few runs to tell: the interval is %.1f %% wide", 100 * (slowdown.high - slowdown.low));
  }
  if (slowdown.low <= 1 && slowdown.high >= 1) {
    return absl::StrFormat("no slow-down is to be seen; it is at most %.2f %%", 100 * (slowdown.high - 1));
  }
  return absl::StrFormat("%s by %.2f %% to %.2f %%", slowdown.low > 1 ? "slower" : "faster",
                         100 * std::min(std::abs(slowdown.low - 1), std::abs(slowdown.high - 1)),
                         100 * std::max(std::abs(slowdown.low - 1), std::abs(slowdown.high - 1)));
}

std::string Line(const char* name, const MedianSummary& summary, const char* unit) {
  return absl::StrFormat("  %-40s %12.5f   %12.5f to %12.5f  %s\n", name, summary.median, summary.low, summary.high,
                         unit);
}

}  // namespace

size_t OverheadRounds::whole() const { return std::min({of[kOff].size(), of[kOn].size(), of[kOffAgain].size()}); }

std::string OverheadText(const OverheadRounds& rounds, const OverheadInfo& info) {
  if (rounds.whole() == 0) return "\n  No round came to its end: there is nothing to tell.\n";
  const auto& of = rounds.of;
  const auto each = [&](auto value) {
    std::vector<double> values;
    for (size_t i = 0; i < rounds.whole(); ++i) {
      if (const std::optional<double> found = value(i)) values.push_back(*found);
    }
    return SummarizeMedian(std::move(values));
  };
  const auto seconds = [&](OverheadWay way) {
    return each([&, way](size_t i) { return std::optional(of[way][i].seconds); });
  };
  const auto ratio = [&](OverheadWay way) {
    return each([&, way](size_t i) { return std::optional(of[way][i].seconds / of[kOff][i].seconds); });
  };
  const auto extra = [&](OverheadWay way) {
    return each([&, way](size_t i) -> std::optional<double> {
      if (!of[way][i].joules || !of[kOff][i].joules) return std::nullopt;
      return *of[way][i].joules - *of[kOff][i].joules;
    });
  };
  const MedianSummary slowdown = ratio(kOn);
  const MedianSummary control = ratio(kOffAgain);
  std::string text =
      absl::StrFormat("\n  %d rounds, sampling every %s, order by --seed=%d\n", slowdown.count, info.period, info.seed);
  if (info.emulated) text += "  EMULATED HARDWARE: the energy is not measured\n";
  absl::StrAppendFormat(&text, "  %-40s %12s   %12s\n", "", "median",
                        absl::StrFormat("%.1f %% interval", 100 * slowdown.coverage));
  text += Line("wall time without sampling", seconds(kOff), "s");
  text += Line("wall time with sampling", seconds(kOn), "s");
  text += Line("with / without, of the same round", slowdown, "");
  text += Line("without again / without (A/A)", control, "");
  if (const MedianSummary energy = extra(kOn); energy.count > 0) {
    text += Line("extra energy of the host", energy, "J");
    text += Line("the same without sampling (A/A)", extra(kOffAgain), "J");
  }
  text += Line("CPUs that vrapl itself used", SummarizeMedian(rounds.sampler_cpus), "");
  absl::StrAppend(&text, "  ", Verdict(slowdown, control), "\n");
  return text;
}

}  // namespace vrapl
