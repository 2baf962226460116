// One open /dev/cpu/N/msr: the only file of this project that reads one. Nothing here ever writes one.
//
// Threads: any; a pread has no state. Read on the CPU itself: from another it costs an interrupt there.
// Source: Linux arch/x86/kernel/msr.c, msr_open() and msr_read(). The file offset is the register number.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "base/host_root.h"
#include "base/posix.h"
#include "msr/registers.h"

namespace vrapl {

class MsrDevice {
 public:
  // Errors: NOT_FOUND (module not loaded, CPU offline), PERMISSION_DENIED, UNIMPLEMENTED (CPU without MSRs).
  static absl::StatusOr<MsrDevice> Open(const HostRoot& host_root, int cpu);

  // The raw 64-bit register. Returns 0, or the errno and leaves `value` as it was. For the loop: allocates nothing.
  int TryRead(MsrAddress address, uint64_t& value) const;

  // The same for probing: the driver's EIO, its word for a register the CPU does not have, is UNIMPLEMENTED.
  absl::StatusOr<uint64_t> Read(MsrAddress address) const;

  // Goes on with the device of another CPU, if that opens: returns 0, or the errno and stays with the old one.
  // For the loop, when the CPU has gone offline: allocates nothing.
  int Reopen(int cpu);

  int cpu() const { return cpu_; }

 private:
  MsrDevice(const HostRoot& host_root, int cpu, UniqueFd fd);

  HostRoot host_root_;
  int cpu_;
  UniqueFd fd_;
};

}  // namespace vrapl
