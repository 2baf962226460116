// Which CPUs belong to which energy counter, and which of them to read it on.
//
// One energy status register covers a die on Intel (most packages are one die; Cascade Lake-AP has two that count
// apart) and a socket on AMD and Hygon, however many dies and NUMA nodes it has. The vendor decides: equal or
// different values prove nothing.
//
// Source: Linux Documentation/admin-guide/cputopology.rst; arch/x86/events/rapl.c, rapl_pkg_pmu_is_pkg_scope().
// Threads: any.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/cpu_model.h"
#include "base/host_root.h"
#include "base/housekeeping.h"
#include "base/run_time_types.h"

namespace vrapl {

// One physical core with its online SMT siblings, ascending and never empty.
struct PhysicalCore {
  int core_id = 0;  // the kernel's, may have gaps; unique within a package on the CPUs that count energy by core
  std::vector<int> cpus;
};

// What one package energy status register covers: a die (Intel) or a socket (AMD, Hygon), online CPUs only.
struct PackageTopology {
  int package_id = 0;               // the kernel's, may have gaps
  int die_id = 0;                   // 0 where the register covers the socket
  std::vector<int> cpus;            // ascending, never empty
  std::vector<PhysicalCore> cores;  // by their lowest CPU
  std::vector<int> kept_clear;      // of `cpus`, those that the operator keeps clear (base/housekeeping.h)

  // The CPUs in the order in which to choose one to read on.
  std::vector<int> to_read_on() const { return HousekeepingFirst(cpus, kept_clear); }
  int reader_cpu() const { return to_read_on().front(); }
};

// CPUs that are online, ascending. Errors: NOT_FOUND, INVALID_ARGUMENT when the kernel's list is missing, unreadable or
// empty.
absl::StatusOr<std::vector<int>> ReadOnlineCpus(const HostRoot& host_root);

// Sorted by package and die. CPUs that are offline are left out, and so is a package without online CPUs.
//
// Errors: NOT_FOUND, INVALID_ARGUMENT when the files under /sys/devices/system/cpu are missing or unreadable.
absl::StatusOr<std::vector<PackageTopology>> ReadTopology(const HostRoot& host_root, CpuVendor vendor);

// Each of `cpus` with its core. One that the topology does not have is a core of its own.
std::vector<CpuOnCore> OnCores(const std::vector<PackageTopology>& topology, absl::Span<const int> cpus);

}  // namespace vrapl
