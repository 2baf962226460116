// Energy registers in memory that count as time goes by: what the msr source reads costs a pread each, and no FUSE.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "base/energy_source.h"

namespace vrapl {

// The msr source of a desktop's package that counts four domains, all CPUs of this machine in it, read on reader_cpu.
// Its registers lie in a file below TMPDIR and stand still; what a read gives is moved on by the clock, at constant
// power. Calls setenv: before the program has threads.
absl::StatusOr<std::unique_ptr<EnergySource>> MakeMovingRegisters(int reader_cpu);

}  // namespace vrapl
