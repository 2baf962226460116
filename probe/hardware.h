// What the hardware says of itself beside its energy counters: thermal design power, energy filtering, and whether it
// is a virtual machine's.
//
// Threads: any.
#pragma once

#include <map>

#include "base/cpu_model.h"
#include "base/host_root.h"
#include "base/topology.h"
#include "msr/rapl_model.h"
#include "probe/findings.h"

namespace vrapl {

// Of each package, by its id: from MSR_PKG_POWER_INFO (Avoton has it at 0x66E), else from powercap's
// constraint_0_max_power_uw. Packages of which neither tells a plausible figure (1 to 2000 W) are left out, as all of
// AMD's are: they have no such register.
// Source: Intel SDM vol. 3B, "Package RAPL Domain"; power unit: 2^-PU W, 2^PU mW in the Silvermont family.
std::map<int, ThermalPower> ReadThermalPower(const HostRoot& root, const CpuModel& cpu, const RaplModel* model);

// Whether the CPU adds noise to its energy readings, against those who would read secrets from them.
// Source: Intel, "Running Average Power Limit Energy Reporting" (INTEL-SA-00389, CVE-2020-8694 and -8695).
Check CheckEnergyFiltering(const HostRoot& root, const CpuModel& cpu);

// By CPUID's hypervisor bit, /sys/hypervisor/type and the DMI product.
Check CheckVirtualMachine(const HostRoot& root, const CpuModel& cpu);
bool InVirtualMachine(const Check& virtual_machine);

}  // namespace vrapl
