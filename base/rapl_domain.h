// RAPL domains by the field's names. One energy counter of a package (or of the platform) is a DomainId.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace vrapl {

enum class RaplDomain : uint8_t {
  kPackage,  // the whole die or socket; contains kCores, kUncore and, on AMD, every kCore
  kCores,    // Intel PP0: all cores of the package
  kUncore,   // Intel PP1: integrated graphics
  kDram,     // not contained in kPackage
  kPsys,     // the platform: contains the package and more
  kCore,     // AMD: one physical core; DomainId::core says which
};

struct DomainId {
  RaplDomain domain = RaplDomain::kPackage;
  int core = -1;  // the host's core_id for kCore, else -1
  friend auto operator<=>(const DomainId&, const DomainId&) = default;
};

// The domains whose sum is what a package and its memory used. The others are parts of the package, or contain it:
// adding them would count energy twice.
constexpr bool CountsInTotal(RaplDomain domain) {
  return domain == RaplDomain::kPackage || domain == RaplDomain::kDram;
}

// "package", "cores", "uncore", "dram", "psys", "core": the words used in every output.
const char* DomainName(RaplDomain domain);

// As above, and "core:7" for one AMD core.
std::string DomainName(const DomainId& id);

}  // namespace vrapl
