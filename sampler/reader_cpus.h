// The operator's choice of the CPU that a package is read on (--cpu), where the default is the first housekeeping CPU.
#pragma once

#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "base/energy_source.h"

namespace vrapl {

// Lets each source read on the one of `wanted` that is its package's; a package that has none stays as it is.
//
// Errors: INVALID_ARGUMENT for a CPU that is no online CPU of any package, and for two of one package; UNIMPLEMENTED
// where the kernel chooses the CPU (perf).   Threads: before the sources are read by others.
absl::Status ChooseReaderCpus(absl::Span<const int> wanted, absl::Span<const std::unique_ptr<EnergySource>> sources);

// `cpus` with those that are wanted first, each part as it was: the order in which to choose one to read on.
std::vector<int> WantedFirst(std::vector<int> cpus, absl::Span<const int> wanted);

}  // namespace vrapl
