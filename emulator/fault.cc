#include "emulator/fault.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "emulator/power_source.h"

namespace vrapl {
namespace {

using Pair = std::pair<absl::string_view, absl::string_view>;

// "AFTER[+FOR]".
absl::Status ParseWindow(absl::string_view text, Fault& fault) {
  const Pair parts = absl::StrSplit(text, absl::MaxSplits('+', 1));
  const absl::StatusOr<int64_t> after = ParseInterval(parts.first);
  if (!after.ok()) return after.status();
  fault.from_ns = *after;
  if (parts.second.empty()) return absl::OkStatus();
  const absl::StatusOr<int64_t> lasts = ParseInterval(parts.second);
  if (!lasts.ok()) return lasts.status();
  fault.until_ns = *after + *lasts;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Fault> Fault::Parse(absl::string_view spec) {
  const auto bad = [spec] {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", spec,
                     "\" is not a fault: eio:0x619, zero:0x611, offline:cpu1, each with @AFTER+FOR if it is to begin "
                     "later or to end (eio:0x619@10s+5s), or freeze:AFTER+FOR"));
  };
  Fault fault;
  const Pair parts = absl::StrSplit(spec, absl::MaxSplits(':', 1));
  if (parts.first == "freeze") {
    fault.kind = Kind::kFreeze;
    if (!ParseWindow(parts.second, fault).ok()) return bad();
    return fault;
  }
  Pair what = absl::StrSplit(parts.second, absl::MaxSplits('@', 1));
  if (!what.second.empty() && !ParseWindow(what.second, fault).ok()) return bad();
  if (parts.first == "eio" || parts.first == "zero") {
    fault.kind = parts.first == "eio" ? Kind::kEio : Kind::kZero;
    if (!absl::ConsumePrefix(&what.first, "0x") || !absl::SimpleHexAtoi(what.first, &fault.address)) return bad();
    return fault;
  }
  if (parts.first == "offline") {
    fault.kind = Kind::kOffline;
    if (!absl::ConsumePrefix(&what.first, "cpu") || !absl::SimpleAtoi(what.first, &fault.cpu) || fault.cpu < 0) {
      return bad();
    }
    return fault;
  }
  return bad();
}

}  // namespace vrapl
