// The hwmon EnergySource: a sensor of power, integrated over time. It is no energy counter, and says so:
// PackageInfo::power_based is set, and every origin ends in "power, integrated".
//
//   package  CPU and IO power together: the SoC (without memory, which it does not measure)
//   cores    CPU power
//   uncore   IO power: what is on the die beside the cores
//
// A tick is 1 uJ; the rest is carried. Error and gaps: power_integral.h. On top of them, X-Gene's driver asks the
// firmware for whole watts and milliwatts one after the other: a reading during which the watt changed is wrong by up
// to 1 W.
//
// The sensor is read every `poll_ns` and not at each Read(): a reading is four messages to another processor, and the
// thread waits for their answers (usually well below a millisecond each, at worst until the driver's timeout of 1 s).
// After a slow reading the next comes later, so that no more than a twentieth of the time is spent on it. In between,
// ticks stand still: as between two updates of a counter.
//
// Source: Linux drivers/hwmon/xgene-hwmon.c, xgene_hwmon_get_cpu_pwr() and xgene_hwmon_rd().
#pragma once

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/domain_probe.h"
#include "base/energy_source.h"
#include "base/host_root.h"

namespace vrapl {

struct HwmonOptions {
  const Clock* clock = &RealClock();
  int64_t poll_ns = 10 * kNanosPerMilli;
};

// One package, 0, with all online CPUs: the sensor measures one SoC. `usable` tells a sensor that cannot be read.
//
// Errors: of FindPowerSensors(), and what reading the list of CPUs gave.
absl::StatusOr<std::vector<PackageProbe>> ProbeHwmon(const HostRoot& host_root);

// That package's source, if it is usable. A reading that fails is an error of its domain and of the package, the
// reading after it too (EOVERFLOW): the energy between the good readings around it is unknown and not counted.
absl::StatusOr<std::vector<std::unique_ptr<EnergySource>>> OpenHwmonSources(const HostRoot& host_root,
                                                                            const HwmonOptions& options = {});

}  // namespace vrapl
