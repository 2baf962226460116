// The msr EnergySource: every RAPL domain of one package (or die), read from the registers themselves.
//
// Which domains a host has is found by trying: each candidate of the CPU's row is read twice. A register that gives an
// error, or 0 both times, is not there; the package's own energy must be.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/cpu_model.h"
#include "base/domain_probe.h"
#include "base/energy_source.h"
#include "base/host_root.h"
#include "msr/cpu_table.h"
#include "msr/rapl_model.h"

namespace vrapl {

struct MsrOptions {
  bool per_core = false;  // AMD and Hygon: also each physical core, at one read and one interrupt per core and sample
  const Clock* clock = &RealClock();
  CpuTable cpu_table;  // the rows to read by
};

// What the msr backend found on this host, as plain data.
struct MsrProbe {
  CpuModel cpu;
  const RaplModel* model = nullptr;  // lives as long as the MsrOptions' table
  std::vector<PackageProbe> packages;
  std::string cpu_table;  // "FILE row 06_FF" where an operator's row says how to read this CPU, else ""
};

// Errors (the backend as a whole is of no use): UNIMPLEMENTED for a CPU without a row in the table, and what reading
// /proc/cpuinfo or the topology gave. What is wrong with one package is in its `usable`.
absl::StatusOr<MsrProbe> ProbeMsr(const HostRoot& host_root, const MsrOptions& options = {});

// One source per package (Intel: per die), sorted by package and die. All of them or an error: energy of a host with a
// package left out would be wrong without looking so. Whether the counters move is CheckMoving()'s question.
//
// A source goes on with another CPU of its package when the one it reads goes offline, with its totals kept;
// package().reader_cpu says which, and may change in Read().
absl::StatusOr<std::vector<std::unique_ptr<EnergySource>>> OpenMsrSources(const HostRoot& host_root,
                                                                          const MsrOptions& options = {});

}  // namespace vrapl
