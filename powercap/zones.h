// Finds the RAPL zones under /sys/class/powercap by what their `name` file says.
//
// Directory numbers mean nothing: they count allocations, in hexadecimal, and intel-rapl:1 is psys on one host and the
// second package on another. Only the control type intel-rapl is looked at (AMD's zones are in it too): intel-rapl-mmio
// shows the same energy again.
//
// Source: Linux Documentation/power/powercap/powercap.rst; drivers/powercap/intel_rapl_common.c,
// rapl_package_register_powercap().   Threads: any.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/host_root.h"
#include "base/rapl_domain.h"

namespace vrapl {

// What a zone's name says. Ids that it leaves open are -1.
struct ZoneName {
  RaplDomain domain = RaplDomain::kPackage;  // "core" is kCores here; on AMD it is another thing, see powercap_reader.h
  int package_id = -1;
  int die_id = -1;
  friend bool operator==(const ZoneName&, const ZoneName&) = default;
};

// "package-1", "package-0-die-1", "core", "uncore", "dram", "psys", "psys-1"; nothing for other names.
std::optional<ZoneName> ParseZoneName(absl::string_view name);

struct Zone {
  std::string path;  // of its directory on this machine, "/sys/class/powercap/intel-rapl:0"
  RaplDomain domain = RaplDomain::kPackage;
  int package_id = 0;
  int die_id = -1;  // -1: the zone's package has no dies in its name
};

// Sorted by id. Zones may lie side by side, as the links in the class directory do, or in one another. Zones whose name
// is none of RAPL's are left out.
//
// Errors: NOT_FOUND when there is no zone (driver not loaded, or hidden by a container), PERMISSION_DENIED when a name
// may not be read, INVALID_ARGUMENT for a child zone without a package.
absl::StatusOr<std::vector<Zone>> FindZones(const HostRoot& host_root);

}  // namespace vrapl
