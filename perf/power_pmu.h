// What sysfs says about the kernel's energy PMUs: `power`, and AMD's `power_core`, one count per core.
//
// Everything is read, nothing assumed: the PMU's number, how an event's number goes into `config`, unit and scale.
//
// Source: Linux Documentation/ABI/testing/sysfs-bus-event_source-devices-events and -format; arch/x86/events/rapl.c.
// Threads: any.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/host_root.h"
#include "base/rapl_domain.h"
#include "base/units.h"
#include "perf/perf_event.h"

namespace vrapl {

struct PowerEvent {
  RaplDomain domain = RaplDomain::kPackage;
  std::string name;  // "power/energy-pkg/", as perf(1) writes it
  PerfEvent event;
  EnergyUnit unit;
  absl::Status usable;  // or why its figures would mean nothing: no scale, another unit than joules
};

struct PowerPmu {
  std::string name;
  uint32_t type = 0;
  // The CPUs to open events on: one per package or die, or, where the driver does not care, every CPU. Empty: no such
  // file, any CPU will do.
  std::vector<int> cpumask;
  std::vector<PowerEvent> events;  // in the order of RaplDomain
};

// Errors: NOT_FOUND when this kernel has no such PMU (driver not loaded, CPU unknown to it, virtual machine);
// UNIMPLEMENTED when a PMU of this name has no energy-pkg (AMD family 15h has a `power` of another driver);
// INVALID_ARGUMENT for files that make no sense.
absl::StatusOr<PowerPmu> ReadPowerPmu(const HostRoot& host_root);

// `power_core`: its only event, energy-core. Errors as above, with energy-core for energy-pkg.
absl::StatusOr<PowerPmu> ReadPowerCorePmu(const HostRoot& host_root);

// attr.config of an event's terms ("event=0x02") by the directory with one file of bits per term ("config:0-7").
absl::StatusOr<uint64_t> ParseEventTerms(absl::string_view terms, const std::string& format_directory);

}  // namespace vrapl
