// A base power that was given by hand: whether there is a counter for it, and whether it can be right.
#pragma once

#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "absl/status/status.h"
#include "base/energy_source.h"
#include "base/given_power.h"
#include "sampler/flush_report.h"

namespace vrapl {

// Errors: INVALID_ARGUMENT where a domain has no counter in any of the packages, with those that there are.
absl::Status CheckGivenBase(const std::map<RaplDomain, GivenPower>& base_power_w,
                            const std::vector<const PackageInfo*>& packages);

// Threads: one at a time.
class GivenBaseWatch {
 public:
  // Looks at a flush; a line for each counter that drew less in it than the base that was given for it. Once for each
  // counter: then only the idle row gets energy, and figures of all others are too small.
  std::vector<std::string> Look(const ModelReport& model);

 private:
  std::set<std::tuple<int, int, DomainId>> told_;
};

}  // namespace vrapl
