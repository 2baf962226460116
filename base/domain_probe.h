// What a backend found when it looked for each domain, as plain data for `vrapl probe`.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/energy_source.h"
#include "base/rapl_domain.h"
#include "base/units.h"

namespace vrapl {

struct DomainProbe {
  DomainId id;
  bool present = false;
  std::string why;     // present: empty; absent: the reason, for people
  std::string origin;  // register or file
  EnergyUnit unit;     // of a domain that is present
  uint64_t wrap_ticks = 0;
};

struct PackageProbe {
  int package_id = 0;
  int die_id = 0;
  int reader_cpu = 0;
  std::string why_reader_cpu;  // why it is not the first of `cpus`, or why it is all the same; "": nothing to say
  std::vector<int> cpus;       // online CPUs, ascending
  std::vector<DomainProbe> domains;
  std::string note;     // what else a reader may want to know: "MSR_RAPL_POWER_UNIT = 0xa0e03"
  absl::Status usable;  // OK, or why no energy can be read for this package
};

// The same as a source says it: of a package without its domains, and of a domain that is present.
inline PackageInfo DescribePackage(const PackageProbe& probe) {
  return {.package_id = probe.package_id,
          .die_id = probe.die_id,
          .reader_cpu = probe.reader_cpu,
          .cpus = probe.cpus,
          .domains = {}};
}
inline DomainInfo DescribeDomain(const DomainProbe& probe) {
  return {.id = probe.id, .unit = probe.unit, .wrap_ticks = probe.wrap_ticks, .origin = probe.origin};
}

}  // namespace vrapl
