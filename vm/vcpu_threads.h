// The thread of each vCPU, found by the names that QEMU gives its threads
// (-name ...,debug-threads=on; libvirt always asks).
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "vm/vm.h"

namespace vrapl {

// The vCPU index in a thread's name: "CPU 3/KVM" -> 3, "CPU 0/TCG" -> 0. "ALL
// CPUs/TCG", one thread that runs every vCPU in turn, -> 0. nullopt for any
// other thread.
std::optional<int> VcpuIndexOfThread(absl::string_view comm);

// By index. Empty, without an error, when no thread is named as a vCPU: QEMU
// without debug-threads. A thread that ends while we look is left out. Errors:
// NOT_FOUND when there is no such process. `proc` is "/proc", or a copy of it
// in a test.
absl::StatusOr<std::vector<Vcpu>> FindVcpuThreads(const std::string& proc, pid_t pid);

}  // namespace vrapl
