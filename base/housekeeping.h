// CPUs that the operator keeps clear for chosen work, guests' vCPUs mostly: a thread that wakes every millisecond to
// read counters does not belong there. What is left are the housekeeping CPUs.
//
// Source: Linux Documentation/admin-guide/kernel-parameters.txt, isolcpus= and nohz_full=.   Threads: any.
#pragma once

#include <string>
#include <vector>

#include "absl/types/span.h"
#include "base/host_root.h"

namespace vrapl {

// Those of isolcpus= and nohz_full=, ascending, online or not. None where the kernel does not say.
std::vector<int> ReadKeptClearCpus(const HostRoot& host_root);

// The order in which to choose one of `cpus` for a reader: those that are not kept clear first, each part as it was.
std::vector<int> HousekeepingFirst(std::vector<int> cpus, absl::Span<const int> kept_clear);

// Why `reader_cpu` is the one of `cpus` (ascending) to read on, where it is not simply the first; else "". For people:
// "CPUs 0-1 are kept clear (isolcpus, nohz_full)", "all its CPUs are kept clear (isolcpus, nohz_full)".
std::string WhyReadOn(int reader_cpu, absl::Span<const int> cpus, absl::Span<const int> kept_clear);

}  // namespace vrapl
