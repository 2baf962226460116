#include "sampler/given_base.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/clock.h"

namespace vrapl {
namespace {

// Shorter windows may have missed an update of the counter.
constexpr int64_t kLongEnoughNs = 200 * kNanosPerMilli;

}  // namespace

absl::Status CheckGivenBase(const std::map<RaplDomain, GivenPower>& base_power_w,
                            const std::vector<const PackageInfo*>& packages) {
  std::set<RaplDomain> there;
  for (const PackageInfo* package : packages) {
    for (const DomainInfo& domain : package->domains) there.insert(domain.id.domain);
  }
  for (const auto& [domain, given] : base_power_w) {
    if (there.contains(domain)) continue;
    const auto name = [](std::string* out, RaplDomain each) { absl::StrAppend(out, DomainName(each)); };
    return absl::InvalidArgumentError(absl::StrCat("--base-power=", DomainName(domain), "=...: there is no counter of ",
                                                   DomainName(domain), " here; there are ",
                                                   absl::StrJoin(there, ", ", name)));
  }
  return absl::OkStatus();
}

std::vector<std::string> GivenBaseWatch::Look(const ModelReport& model) {
  std::vector<std::string> lines;
  for (const CounterReport& counter : model.counters) {
    if (!counter.base_given || !counter.base_w || counter.dt_ns < kLongEnoughNs || counter.frozen) continue;
    const double drawn_uj = static_cast<double>(counter.energy_uj + counter.err_uj.value_or(0));
    const double base_uj = (*counter.base_w - counter.base_err_w) * static_cast<double>(counter.dt_ns) * 1e-3;
    if (counter.unknown_ns > 0 || counter.read_errors > 0 || base_uj <= drawn_uj) continue;
    if (!told_.insert({counter.package_id, counter.die_id, counter.domain}).second) continue;
    lines.push_back(
        absl::StrFormat("--base-power gives %s-%d %.6g W, and it draws %.6g W: all of that goes to the idle row, and "
                        "what runs gets nothing; "
                        "`vrapl calibrate` finds the base",
                        DomainName(counter.domain), counter.package_id, *counter.base_w,
                        static_cast<double>(counter.energy_uj) * 1e3 / static_cast<double>(counter.dt_ns)));
  }
  return lines;
}

}  // namespace vrapl
