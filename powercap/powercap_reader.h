// The sysfs EnergySource: the RAPL zones of one package under /sys/class/powercap, kept open and read in place.
//
// A tick is one microjoule, as the kernel rounds it. The zone counts modulo max_energy_range_uj plus one unit of the
// hardware counter behind it; the file gives the largest value, not the number of values.
#pragma once

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/domain_probe.h"
#include "base/energy_source.h"
#include "base/host_root.h"

namespace vrapl {

// The number of values that a zone's energy_uj runs through, from the file's largest one. The driver's unit is in whole
// nanojoules and its largest value floor((2^32 - 1) x unit / 1000), so that the unit can be found back.
// Source: Linux drivers/powercap/intel_rapl_common.c, get_max_energy_counter() and rapl_unit_xlate().
uint64_t ZoneWrapMicrojoules(uint64_t max_energy_range_uj);

// What the zones of this host offer, one entry per package (Intel: per die where the zones are).
// On AMD and Hygon, a zone "core" is one physical core, that of the package's first CPU, and not all of them; zones of
// several dies of one socket show one counter, and the first stands for it.
//
// Errors: of FindZones(), and what reading /proc/cpuinfo or the topology gave. What is wrong with one package is in its
// `usable`: PERMISSION_DENIED names the remedy.
absl::StatusOr<std::vector<PackageProbe>> ProbePowercap(const HostRoot& host_root);

// One source per package, sorted by package and die: all of them or an error. `clock` must outlive them.
//
// When the last CPU of a package goes offline the kernel removes its zones, and the reads of its source fail (ENODEV);
// when they are made anew under the same names, it reads on.
absl::StatusOr<std::vector<std::unique_ptr<EnergySource>>> OpenPowercapSources(const HostRoot& host_root,
                                                                               const Clock& clock = RealClock());

}  // namespace vrapl
