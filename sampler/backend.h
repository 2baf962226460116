// Which energy source a host is read by: the one asked for, or the first usable of msr, perf, sysfs and hwmon, and why.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/energy_source.h"
#include "base/host_root.h"
#include "msr/cpu_table.h"
#include "perf/perf_event.h"

namespace vrapl {

enum class Backend { kAuto, kMsr, kPerf, kSysfs, kHwmon };

// All but kAuto, in the order in which kAuto tries them.
inline constexpr Backend kBackends[] = {Backend::kMsr, Backend::kPerf, Backend::kSysfs, Backend::kHwmon};

// "auto", "msr", "perf", "sysfs", "hwmon".
const char* BackendName(Backend backend);

struct OpenBackend {
  std::string name;                                    // BackendName() of the one that was opened
  std::vector<std::unique_ptr<EnergySource>> sources;  // one per package or die
  std::vector<std::string> passed_over;                // with kAuto: "msr: why not", one line each
  std::string cpu_table;  // "FILE row 06_FF" where the energy is read by a row that the operator gave, else ""
};

struct BackendOptions {
  CpuTable cpu_table;                 // the rows that msr reads by
  bool per_core = false;              // msr and perf, AMD: each physical core's own counter too
  PerfEvents* perf_events = nullptr;  // stands in for the kernel, in tests
};

// Opens and judges by values: a counter that stands still, or a sensor that reads 0 W, is no source (virtual machines
// answer so). Takes a few ms, or 50 ms (in a virtual machine 3 s) to find a counter frozen.
//
// All sources are of one backend: two of them would count one package twice.
//
// Errors: of the one source asked for; with kAuto, when none is usable, one message with the reason of each.
absl::StatusOr<OpenBackend> OpenEnergySources(Backend backend, const HostRoot& host_root, const Clock& clock,
                                              const BackendOptions& options = {});

}  // namespace vrapl
