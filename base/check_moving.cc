#include "base/check_moving.h"

#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "base/posix.h"

namespace vrapl {

absl::Status CheckMoving(EnergySource& source, const Clock& clock, absl::Duration patience) {
  const PackageInfo& package = source.package();
  const auto domain = std::find_if(package.domains.begin(), package.domains.end(),
                                   [](const DomainInfo& info) { return info.id.domain == RaplDomain::kPackage; });
  if (domain == package.domains.end()) {
    return absl::FailedPreconditionError(absl::StrCat("package ", package.package_id, " has no package domain"));
  }
  const auto index = static_cast<size_t>(domain - package.domains.begin());

  const auto sample = std::make_unique<EnergySample>();
  const int64_t start_ns = clock.NowNs();
  int64_t now_ns = start_ns;
  bool read = false;
  uint64_t first = 0;
  int error = 0;
  for (;;) {
    source.Read(*sample);
    error = sample->error[index];
    if (error == 0 && read && sample->ticks[index] != first) return absl::OkStatus();
    if (error == 0 && !read) {
      read = true;
      first = sample->ticks[index];
    }
    if (now_ns - start_ns >= absl::ToInt64Nanoseconds(patience)) break;
    clock.SleepUntil(now_ns += kNanosPerMilli);
  }
  const std::string what =
      absl::StrCat("the package energy of package ", package.package_id, " (", domain->origin, ")");
  if (!read) return PosixError(error, absl::StrCat("read ", what));
  if (package.power_based) {
    return absl::FailedPreconditionError(
        absl::StrCat(what, " reads 0 W, for ", absl::FormatDuration(patience), ": nothing is measured here"));
  }
  return absl::FailedPreconditionError(
      absl::StrCat(what, " did not move in ", absl::FormatDuration(patience),
                   ": this machine shows RAPL counters, but nothing counts in them (a virtual machine without RAPL?)"));
}

}  // namespace vrapl
