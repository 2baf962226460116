#include "emulator/fault.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace vrapl {
namespace {

using Kind = Fault::Kind;

struct KindName {
  absl::string_view name;
  Kind kind;
};
constexpr std::array kKinds = {
    KindName{"eio", Kind::kEio},         KindName{"zero", Kind::kZero},
    KindName{"dirty", Kind::kDirty},     KindName{"backwards", Kind::kBackwards},
    KindName{"freeze", Kind::kFreeze},   KindName{"zero-unit", Kind::kZeroUnit},
    KindName{"offline", Kind::kOffline}, KindName{"online", Kind::kOnline},
};

// Takes what follows the first `separator` off `text`; nothing where there is none.
std::optional<absl::string_view> TakeAfter(absl::string_view& text, char separator) {
  const size_t at = text.find(separator);
  if (at == absl::string_view::npos) return std::nullopt;
  const absl::string_view after = text.substr(at + 1);
  text = text.substr(0, at);
  return after;
}

// "AFTER[+FOR]".
bool ParseWindow(absl::string_view text, Fault& fault) {
  const std::optional<absl::string_view> lasts_text = TakeAfter(text, '+');
  const absl::StatusOr<int64_t> after = ParseInterval(text);
  if (!after.ok()) return false;
  fault.from_ns = *after;
  if (!lasts_text) return true;
  const absl::StatusOr<int64_t> lasts = ParseInterval(*lasts_text);
  if (!lasts.ok()) return false;
  fault.until_ns = *after + *lasts;
  return true;
}

// "0x619" or "dram".
bool ParseRegister(absl::string_view text, Fault& fault) {
  if (absl::ConsumePrefix(&text, "0x")) return absl::SimpleHexAtoi(text, &fault.address) && fault.address != 0;
  for (const RaplDomain domain : {RaplDomain::kPackage, RaplDomain::kCores, RaplDomain::kUncore, RaplDomain::kDram,
                                  RaplDomain::kPsys, RaplDomain::kCore}) {
    if (text == DomainName(domain)) fault.domain = domain;
  }
  return fault.domain.has_value();
}

// "1234" ticks or "5J".
bool ParseAmount(absl::string_view text, Fault& fault) {
  if (!absl::ConsumeSuffix(&text, "J")) return absl::SimpleAtoi(text, &fault.ticks) && fault.ticks > 0;
  double joules = 0;
  if (!absl::SimpleAtod(text, &joules) || !(joules > 0) || joules > 1e9) return false;
  fault.energy = static_cast<ExactEnergy>(joules * 1e9) * (kExactPerJoule / 1'000'000'000);
  return fault.energy > 0;
}

bool ParseNumberAfter(absl::string_view text, absl::string_view word, int& number) {
  return absl::ConsumePrefix(&text, word) && absl::SimpleAtoi(text, &number) && number >= 0;
}

bool ParseWhat(absl::string_view what, bool windowed, Fault& fault) {
  const std::optional<absl::string_view> amount = TakeAfter(what, '=');
  const std::optional<absl::string_view> package = TakeAfter(what, '/');
  const std::optional<absl::string_view> target = TakeAfter(what, ':');
  const auto* const kind =
      std::find_if(kKinds.begin(), kKinds.end(), [&](const KindName& each) { return each.name == what; });
  if (kind == kKinds.end()) return false;
  fault.kind = kind->kind;
  if (amount.has_value() != (fault.kind == Kind::kBackwards)) return false;
  if (amount && !ParseAmount(*amount, fault)) return false;
  if (package && !ParseNumberAfter(*package, "package", fault.package_id)) return false;
  switch (fault.kind) {
    case Kind::kEio:
    case Kind::kZero:
    case Kind::kDirty:
    case Kind::kBackwards:
      return target && ParseRegister(*target, fault);
    case Kind::kFreeze:
      return target ? ParseRegister(*target, fault) : windowed;
    case Kind::kZeroUnit:
      return !target;
    case Kind::kOffline:
      return target && !package && ParseNumberAfter(*target, "cpu", fault.cpu);
    case Kind::kOnline:
      return target && !package && windowed && ParseNumberAfter(*target, "cpu", fault.cpu) &&
             fault.until_ns == std::numeric_limits<int64_t>::max();
  }
  return false;
}

bool ParseFault(absl::string_view spec, Fault& fault) {
  // freeze:10s+2s, a form of its own.
  if (absl::string_view window = spec; absl::ConsumePrefix(&window, "freeze:") && ParseWindow(window, fault)) {
    return true;
  }
  fault = Fault();
  const std::optional<absl::string_view> window = TakeAfter(spec, '@');
  if (window && !ParseWindow(*window, fault)) return false;
  return ParseWhat(spec, window.has_value(), fault);
}

}  // namespace

absl::StatusOr<Fault> Fault::Parse(absl::string_view spec) {
  Fault fault;
  if (ParseFault(spec, fault)) return fault;
  return absl::InvalidArgumentError(absl::StrCat(
      "\"", spec,
      "\" is not a fault: eio:dram, zero:0x611, dirty:package, backwards:package=5J, freeze:dram, zero-unit, "
      "each for one package with /package1 behind it, offline:cpu1; with @AFTER+FOR if it is to begin "
      "later or to end (eio:0x619@10s+5s); freeze@AFTER for all counters, online:cpu1@AFTER"));
}

std::vector<Fault> JoinOnline(std::vector<Fault> faults) {
  std::vector<Fault> joined;
  std::copy_if(faults.begin(), faults.end(), std::back_inserter(joined),
               [](const Fault& fault) { return fault.kind != Kind::kOnline; });
  for (const Fault& online : faults) {
    if (online.kind != Kind::kOnline) continue;
    bool ended = false;
    for (Fault& offline : joined) {
      if (offline.kind != Kind::kOffline || offline.cpu != online.cpu || !offline.At(online.from_ns)) continue;
      offline.until_ns = online.from_ns;
      ended = true;
    }
    const bool once_offline = std::any_of(joined.begin(), joined.end(), [&](const Fault& fault) {
      return fault.kind == Kind::kOffline && fault.cpu == online.cpu && fault.from_ns < online.from_ns;
    });
    if (ended || once_offline) continue;
    joined.push_back({.kind = Kind::kOffline, .cpu = online.cpu, .until_ns = online.from_ns});
  }
  return joined;
}

}  // namespace vrapl
