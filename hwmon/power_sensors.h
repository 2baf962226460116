// Finds the hwmon device that measures the power of the CPU: APM X-Gene's, `apm_xgene`.
//
// Its two powers are told apart by their labels: the kernel's documentation numbers the files from 0, the driver
// from 1.
//
// Source: Linux drivers/hwmon/xgene-hwmon.c, power1_label_show() and power2_label_show(); Documentation/hwmon/
// xgene-hwmon.rst and sysfs-interface.rst (powerN_input is in microwatts).   Threads: any.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "base/host_root.h"

namespace vrapl {

struct PowerSensors {
  std::string device;     // its directory on this machine, "/sys/class/hwmon/hwmon2"
  std::string cpu_input;  // file of the CPU's power
  std::string io_input;   // of the rest of the SoC
};

// Errors: NOT_FOUND when no device is one that we know, with the names of those that are there; UNIMPLEMENTED when
// there are several (which CPUs each measures is not known) or a label is missing.
absl::StatusOr<PowerSensors> FindPowerSensors(const HostRoot& host_root);

}  // namespace vrapl
