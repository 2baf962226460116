#include "base/counter_source.h"

#include "absl/strings/str_cat.h"

namespace vrapl {

absl::Status CounterSource::AddCounter(DomainInfo domain, uint64_t first) {
  if (counters_.size() == kMaxDomains) {
    return absl::UnimplementedError(absl::StrCat("package ", package_.package_id, " has more than ", kMaxDomains,
                                                 " domains, which is what a sample holds"));
  }
  counters_.emplace_back(
      first, clock_.NowNs(), domain.unit, domain.wrap_ticks,
      domain.id.domain == RaplDomain::kPsys ? GuardedCounter::kMaxPlatformWatts : GuardedCounter::kMaxWatts);
  package_.domains.push_back(std::move(domain));
  raw_.resize(counters_.size());
  error_.resize(counters_.size());
  return absl::OkStatus();
}

}  // namespace vrapl
