// What a reader must know of a machine to judge figures that were measured on it, and to measure them again: kernel,
// microcode, frequency and idle settings, isolation, mitigations. Read once, at the start of a recording.
//
// Threads: any.
#pragma once

#include <string>

#include "base/host_root.h"

namespace vrapl {

// An object of JSON text; keys in docs/recording-format.md. What the machine does not tell is left out. `hardware`:
// where the hardware's files begin; what the kernel says of itself is read below `kernel`, "" but in tests. Source:
// Linux Documentation/admin-guide/pm/{cpufreq,cpuidle,intel_pstate}.rst, ABI/testing/sysfs-devices-system-cpu.
std::string DescribeMachine(const HostRoot& hardware, const HostRoot& kernel = HostRoot());

}  // namespace vrapl
