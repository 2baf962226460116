#include "base/rapl_domain.h"

namespace vrapl {

const char* DomainName(RaplDomain domain) {
  switch (domain) {
    case RaplDomain::kPackage:
      return "package";
    case RaplDomain::kCores:
      return "cores";
    case RaplDomain::kUncore:
      return "uncore";
    case RaplDomain::kDram:
      return "dram";
    case RaplDomain::kPsys:
      return "psys";
    case RaplDomain::kCore:
      return "core";
  }
  return "unknown";
}

std::string DomainName(const DomainId& id) {
  std::string name = DomainName(id.domain);
  if (id.domain == RaplDomain::kCore) name += ":" + std::to_string(id.core);
  return name;
}

}  // namespace vrapl
