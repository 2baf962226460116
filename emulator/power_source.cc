#include "emulator/power_source.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "base/host_root.h"

namespace vrapl {
namespace {

constexpr double kMaxWatts = 1e6;
constexpr absl::string_view kForms = "const:80W, square:60W,120W,100ms, load:20W+15W/cpu or curve:FILE";

absl::Status Bad(absl::string_view what, absl::string_view should_be) {
  return absl::InvalidArgumentError(absl::StrCat("\"", what, "\" is not ", should_be));
}

}  // namespace

absl::StatusOr<int64_t> ParsePower(absl::string_view text) {
  const absl::string_view whole = text = absl::StripAsciiWhitespace(text);
  double microwatts = 1e6;
  double value = 0;
  if (!absl::ConsumeSuffix(&text, "W")) return Bad(whole, "a power with its unit, like 80W, 1.5kW or 250mW");
  if (absl::ConsumeSuffix(&text, "k")) microwatts = 1e9;
  if (absl::ConsumeSuffix(&text, "m")) microwatts = 1e3;
  if (!absl::SimpleAtod(text, &value) || !(value >= 0)) {
    return Bad(whole, "a power with its unit, like 80W, 1.5kW or 250mW");
  }
  if (value * microwatts > kMaxWatts * 1e6) return Bad(whole, "a power that one package can have (at most 1000kW)");
  return std::llround(value * microwatts);
}

absl::StatusOr<int64_t> ParseInterval(absl::string_view text) {
  absl::Duration interval;
  if (!absl::ParseDuration(std::string(absl::StripAsciiWhitespace(text)), &interval) ||
      interval < absl::ZeroDuration() || interval > absl::Hours(24 * 365)) {
    return Bad(text, "a duration with its unit, like 100ms, 1.5s or 20us");
  }
  return absl::ToInt64Nanoseconds(interval);
}

absl::Status PowerSpec::Append(int64_t from_ns, int64_t power_uw) {
  if (steps_.empty()) {
    if (from_ns != 0) return absl::InvalidArgumentError("the first time must be 0s");
    steps_.push_back({.from_ns = 0, .power_uw = power_uw, .before = 0});
    return absl::OkStatus();
  }
  const Step& last = steps_.back();
  if (from_ns <= last.from_ns) return absl::InvalidArgumentError("times must increase from line to line");
  steps_.push_back({.from_ns = from_ns,
                    .power_uw = power_uw,
                    .before = last.before + EnergyOf(last.power_uw, from_ns - last.from_ns)});
  return absl::OkStatus();
}

absl::Status PowerSpec::ParseSteps(absl::string_view kind, absl::string_view rest) {
  if (kind == "const") {
    const absl::StatusOr<int64_t> power = ParsePower(rest);
    return power.ok() ? Append(0, *power) : power.status();
  }
  if (kind == "load") {
    const std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(rest, absl::MaxSplits('+', 1));
    absl::string_view each = parts.second;
    if (!absl::ConsumeSuffix(&each, "/cpu")) return Bad(rest, "BASE+POWER/cpu, like 20W+15W/cpu");
    const absl::StatusOr<int64_t> base = ParsePower(parts.first);
    if (!base.ok()) return base.status();
    const absl::StatusOr<int64_t> busy = ParsePower(each);
    if (!busy.ok()) return busy.status();
    base_uw_ = *base;
    busy_cpu_uw_ = *busy;
    return Append(0, *base);
  }
  if (kind == "square") {
    const std::vector<absl::string_view> parts = absl::StrSplit(rest, ',');
    if (parts.size() != 3) return Bad(rest, "LOW,HIGH,PERIOD, like 60W,120W,100ms");
    const absl::StatusOr<int64_t> low = ParsePower(parts[0]);
    if (!low.ok()) return low.status();
    const absl::StatusOr<int64_t> high = ParsePower(parts[1]);
    if (!high.ok()) return high.status();
    const absl::StatusOr<int64_t> period = ParseInterval(parts[2]);
    if (!period.ok()) return period.status();
    if (*period < 2) return Bad(parts[2], "a period of at least 2ns");
    base_uw_ = std::min(*low, *high);
    period_ns_ = *period;
    if (absl::Status status = Append(0, *low); !status.ok()) return status;
    return Append(*period / 2, *high);
  }
  if (kind == "curve") {
    const std::string path(rest);
    const absl::StatusOr<std::string> file = ReadSmallFile(path);
    if (!file.ok()) return file.status();
    int number = 0;
    bool ended = false;
    for (absl::string_view line : absl::StrSplit(*file, '\n')) {
      ++number;
      line = absl::StripAsciiWhitespace(line);
      if (line.empty() || line.front() == '#') continue;
      const auto at_line = [&](const absl::Status& status) {
        return absl::InvalidArgumentError(absl::StrCat(path, " line ", number, ": ", status.message()));
      };
      const std::vector<absl::string_view> parts = absl::StrSplit(line, ',');
      if (parts.size() != 2) return at_line(Bad(line, "TIME,POWER, like 1.5s,80W"));
      const absl::StatusOr<int64_t> time = ParseInterval(parts[0]);
      if (!time.ok()) return at_line(time.status());
      const absl::string_view last_word = absl::StripAsciiWhitespace(parts[1]);
      ended = last_word == "end";
      const absl::StatusOr<int64_t> power = ended ? 0 : ParsePower(last_word);
      if (!power.ok()) return at_line(power.status());
      if (absl::Status status = Append(*time, *power); !status.ok()) return at_line(status);
    }
    if (steps_.size() < 2) return absl::InvalidArgumentError(absl::StrCat(path, ": a curve needs two lines at least"));
    period_ns_ = steps_.back().from_ns;
    steps_.pop_back();
    base_uw_ = std::min_element(steps_.begin(), steps_.end(), [](const Step& a, const Step& b) {
                 return a.power_uw < b.power_uw;
               })->power_uw;
    return absl::OkStatus();
  }
  return Bad(text_, absl::StrCat("a power specification: ", kForms));
}

absl::StatusOr<PowerSpec> PowerSpec::Parse(absl::string_view spec) {
  PowerSpec power;
  power.text_ = std::string(spec);
  const std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(spec, absl::MaxSplits(':', 1));
  if (absl::Status status = power.ParseSteps(parts.first, parts.second); !status.ok()) return status;
  return power;
}

ExactEnergy PowerSpec::EnergyOfSteps(int64_t t_ns) const {
  ExactEnergy before = 0;
  if (period_ns_ > 0) {
    const Step& last = steps_.back();
    before = (last.before + EnergyOf(last.power_uw, period_ns_ - last.from_ns)) * (t_ns / period_ns_);
    t_ns %= period_ns_;
  }
  const auto after = std::upper_bound(steps_.begin(), steps_.end(), t_ns,
                                      [](int64_t time, const Step& step) { return time < step.from_ns; });
  const Step& step = *std::prev(after);
  return before + step.before + EnergyOf(step.power_uw, t_ns - step.from_ns);
}

ExactEnergy PowerSpec::Energy(int64_t t_ns, int64_t busy_ns) const {
  return EnergyOfSteps(t_ns) + EnergyOf(busy_cpu_uw_, busy_ns);
}

ExactEnergy PowerSpec::EnergyAboveBase(int64_t t_ns, int64_t busy_ns) const {
  return Energy(t_ns, busy_ns) - EnergyOf(base_uw_, t_ns);
}

absl::StatusOr<DramPower> DramPower::Parse(absl::string_view spec) {
  absl::string_view percent = spec;
  DramPower dram;
  if (absl::ConsumeSuffix(&percent, "%")) {
    if (!absl::SimpleAtoi(percent, &dram.percent) || dram.percent < 0 || dram.percent > 100) {
      return Bad(spec, "a share of the package's power, like 10%");
    }
    return dram;
  }
  absl::StatusOr<PowerSpec> own = PowerSpec::Parse(spec);
  if (!own.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(own.status().message(), "; or a share of the package's, like 10%"));
  }
  dram.own = *std::move(own);
  return dram;
}

}  // namespace vrapl
