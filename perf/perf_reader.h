// The perf EnergySource: the domains of one package from the kernel's `power` PMU, all in one group and one read().
//
// A tick is what the PMU's .scale says, 2^-32 J on every kernel so far, so unlike powercap's microjoules it is exact.
// The events count from the moment they are opened; while they are open the kernel watches for wraparound
// (perf_counter.h).
//
// The PMU is the running kernel's. A host root that is not this machine's own has none: its tree could be read, but the
// counts would be those of this machine.
#pragma once

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/domain_probe.h"
#include "base/energy_source.h"
#include "base/host_root.h"
#include "perf/perf_event.h"

namespace vrapl {

// A domain other than the package that does not move for so long is not counted on this package: the PMU offers the
// domains of all packages on each. As long as a platform of 4 W takes for 4 counts of 1 J.
inline constexpr absl::Duration kPerfAbsentAfter = absl::Seconds(1);

struct PerfOptions {
  bool per_core =
      false;  // AMD: also each physical core (`power_core`), at one read and one interrupt per core and sample
  const Clock* clock = &RealClock();
  // Where events are opened; null: the running kernel, for this machine's own host root only. Outlives the sources.
  PerfEvents* events = nullptr;
};

// What the PMU offers on this host, one entry per package (Intel: per die, where the PMU's cpumask names a CPU of each
// die and not all of them). Opens each event, and waits until those other than the package's have moved: some ms, or
// kPerfAbsentAfter where one does not. psys is told on one package only.
//
// Errors (perf as a whole is of no use): UNIMPLEMENTED for a host root that is not this machine's, those of
// ReadPowerPmu(), and what reading /proc/cpuinfo or the topology gave. What is wrong with one package is in its
// `usable`: PERMISSION_DENIED names the remedy.
absl::StatusOr<std::vector<PackageProbe>> ProbePerf(const HostRoot& host_root, const PerfOptions& options = {});

// One source per package, sorted by package and die: all of them or an error. Whether the package counts move is
// CheckMoving()'s question.
//
// The kernel moves the events of a CPU that goes offline to another of its package. Should it end them instead, that
// read is an error (ENODEV) of all domains, and the source opens them anew on another CPU of the package: totals are
// kept, the energy in between is unknown, and package().reader_cpu changes. Each failed read tries one CPU.
absl::StatusOr<std::vector<std::unique_ptr<EnergySource>>> OpenPerfSources(const HostRoot& host_root,
                                                                           const PerfOptions& options = {});

}  // namespace vrapl
