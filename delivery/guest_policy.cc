#include "delivery/guest_policy.h"

#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"

namespace vrapl {
namespace {

constexpr int64_t kLongestPeriodNs = int64_t{3600} * 1'000'000'000;
constexpr int64_t kLargestQuantumUj = int64_t{1'000'000} * 1'000'000;

absl::Status Refused(absl::string_view key, absl::string_view value, absl::string_view may_be) {
  return absl::InvalidArgumentError(absl::StrCat(key, "=", value, ": ", may_be, " is wanted"));
}

absl::Status ParseSwitch(absl::string_view key, absl::string_view value, bool& on) {
  if (value != "on" && value != "off") return Refused(key, value, "on or off");
  on = value == "on";
  return absl::OkStatus();
}

// "100mJ": a number without a sign, and one of these units.
std::optional<int64_t> EnergyUj(absl::string_view text) {
  int64_t unit_uj = 0;
  if (absl::ConsumeSuffix(&text, "uJ"))
    unit_uj = 1;
  else if (absl::ConsumeSuffix(&text, "mJ"))
    unit_uj = 1000;
  else if (absl::ConsumeSuffix(&text, "J"))
    unit_uj = 1'000'000;
  int64_t count = 0;
  const bool digits = !text.empty() && absl::ascii_isdigit(static_cast<unsigned char>(text.front()));
  if (unit_uj == 0 || !digits || !absl::SimpleAtoi(text, &count) || count < 1 || count > kLargestQuantumUj / unit_uj) {
    return std::nullopt;
  }
  return count * unit_uj;
}

absl::Status ParsePeriod(absl::string_view value, bool may_be_shorter, int64_t& period_ns) {
  absl::Duration period;
  if (!absl::ParseDuration(value, &period) || period <= absl::ZeroDuration() ||
      period > absl::Nanoseconds(kLongestPeriodNs) || period % absl::Milliseconds(1) != absl::ZeroDuration()) {
    return Refused("period", value, "a time with its unit, in whole milliseconds and up to 1h, such as 2s or 30s,");
  }
  if (period < absl::Nanoseconds(kLeastGuestPeriodNs) && !may_be_shorter) {
    return Refused("period", value,
                   "2s or longer (a guest that learns its power so often learns of its neighbours' work; the operator "
                   "can force it by serve --flush)");
  }
  period_ns = absl::ToInt64Nanoseconds(period);
  return absl::OkStatus();
}

absl::Status ParseFields(absl::string_view value, GuestPolicy& policy) {
  policy.active = policy.error = policy.run_time = false;
  bool energy = false;
  for (const absl::string_view field : absl::StrSplit(value, ',')) {
    const absl::string_view name = absl::StripAsciiWhitespace(field);
    if (name == "energy")
      energy = true;
    else if (name == "active")
      policy.active = true;
    else if (name == "error")
      policy.error = true;
    else if (name == "run-time")
      policy.run_time = true;
    else
      return Refused("fields", value, "energy, or energy with some of active, error, run-time");
  }
  return energy ? absl::OkStatus() : Refused("fields", value, "energy among them");
}

absl::string_view FormatName(GuestFormat format) {
  switch (format) {
    case GuestFormat::kLine:
      return "line";
    case GuestFormat::kJson:
      return "json";
    case GuestFormat::kWatts:
      return "watts";
  }
  return "";
}

absl::Status Set(absl::string_view key, absl::string_view value, bool may_be_shorter, GuestPolicy& policy) {
  if (key == "deliver") return ParseSwitch(key, value, policy.deliver);
  if (key == "noise") return ParseSwitch(key, value, policy.noise);
  if (key == "period") return ParsePeriod(value, may_be_shorter, policy.period_ns);
  if (key == "fields") return ParseFields(value, policy);
  if (key == "quantum") {
    const std::optional<int64_t> quantum_uj = EnergyUj(value);
    if (!quantum_uj) return Refused(key, value, "an energy of 1uJ or more with its unit, such as 100mJ or 1J,");
    policy.quantum_uj = *quantum_uj;
    return absl::OkStatus();
  }
  if (key == "domains") {
    if (value != "package" && value != "all") return Refused(key, value, "package or all");
    policy.package_only = value == "package";
    return absl::OkStatus();
  }
  if (key == "format") {
    for (const GuestFormat format : {GuestFormat::kLine, GuestFormat::kJson, GuestFormat::kWatts}) {
      if (value != FormatName(format)) continue;
      policy.format = format;
      return absl::OkStatus();
    }
    return Refused(key, value, "line, json or watts");
  }
  if (key == "preset") {
    if (value != "default" && value != "manifesto") {
      return Refused(key, value, "default or manifesto, and each other setting by itself,");
    }
    policy = value == "manifesto" ? ManifestoPolicy() : GuestPolicy();
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "no setting is called ", key, "; there are preset, deliver, period, quantum, noise, fields, domains, format"));
}

}  // namespace

GuestPolicy ManifestoPolicy() {
  return {.period_ns = int64_t{30} * 1'000'000'000,
          .quantum_uj = 1'000'000,
          .noise = true,
          .active = false,
          .error = false,
          .run_time = false,
          .package_only = true};
}

absl::StatusOr<GuestPolicy> ParseGuestPolicy(const PolicySettings& settings, bool may_be_shorter,
                                             const GuestPolicy& from) {
  GuestPolicy policy = from;
  for (size_t i = 0; i < settings.size(); ++i) {
    const auto& [key, value] = settings[i];
    if (key == "preset" && i > 0) {
      return absl::InvalidArgumentError("preset must come first: it sets all the others");
    }
    if (absl::Status status = Set(key, value, may_be_shorter, policy); !status.ok()) return status;
  }
  return policy;
}

absl::StatusOr<GuestPolicy> ParseGuestPolicyFile(absl::string_view text, bool may_be_shorter, const GuestPolicy& from) {
  PolicySettings settings;
  int number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    line = absl::StripAsciiWhitespace(line.substr(0, line.find('#')));
    if (line.empty()) continue;
    const std::vector<absl::string_view> parts = absl::StrSplit(line, absl::MaxSplits('=', 1));
    if (parts.size() != 2) return absl::InvalidArgumentError(absl::StrCat("line ", number, " is not KEY = VALUE"));
    settings.emplace_back(absl::StripAsciiWhitespace(parts[0]), absl::StripAsciiWhitespace(parts[1]));
  }
  return ParseGuestPolicy(settings, may_be_shorter, from);
}

std::string DescribeGuestPolicy(const GuestPolicy& policy) {
  const auto word = [](bool on) { return on ? "on" : "off"; };
  const int64_t period_ms = policy.period_ns / 1'000'000;
  const std::string period =
      period_ms % 1000 == 0 ? absl::StrCat(period_ms / 1000, "s") : absl::StrCat(period_ms, "ms");
  const std::string quantum = policy.quantum_uj % 1'000'000 == 0 ? absl::StrCat(policy.quantum_uj / 1'000'000, "J")
                              : policy.quantum_uj % 1000 == 0    ? absl::StrCat(policy.quantum_uj / 1000, "mJ")
                                                                 : absl::StrCat(policy.quantum_uj, "uJ");
  return absl::StrCat("deliver=", word(policy.deliver), " period=", period, " quantum=", quantum,
                      " noise=", word(policy.noise), " fields=energy", policy.active ? ",active" : "",
                      policy.error ? ",error" : "", policy.run_time ? ",run-time" : "",
                      " domains=", policy.package_only ? "package" : "all", " format=", FormatName(policy.format));
}

}  // namespace vrapl
