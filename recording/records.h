// What a block of data holds, as plain data: the encoder and the decoder both speak of these.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/run_time_types.h"

namespace vrapl {

// No machine has run for so long (73 years), and no window, no number of CPUs is greater than these: what a reader
// multiplies cannot overflow.
inline constexpr int64_t kMostRecordedNs = int64_t{1} << 61;
inline constexpr int64_t kMostWindowNs = int64_t{1} << 46;
inline constexpr uint32_t kMostRecordedCpus = 1 << 16;
inline constexpr uint64_t kMostRecordedVms = 1 << 14;

// Most packages (or dies) that a recording can tell apart.
inline constexpr int kMaxRecordedPackages = 127;

// One start of a VM, as the inventory listed it.
struct RecordedVm {
  std::string uuid;
  std::string name;
  int64_t pid = 0;
  uint64_t start_time = 0;  // of the process, clock ticks since boot
  bool running = true;      // false: it has stopped, and its last interval is not settled yet
  struct Vcpu {
    int index = 0;
    int64_t tid = 0;
    friend bool operator==(const Vcpu&, const Vcpu&) = default;
  };
  std::vector<Vcpu> vcpus;
  friend bool operator==(const RecordedVm&, const RecordedVm&) = default;
};

// Where a thread's time was booked.
struct RecordedRow {
  std::string kind;  // "vm", "other", "kernel", ...
  int vm = -1;       // index into the list of VMs, for "vm"
  std::string part;  // "vcpu0", "emulator", ...
  friend bool operator==(const RecordedRow&, const RecordedRow&) = default;
};

// Records of a block, by their first byte; kSampleRecord + package is a sample.
inline constexpr uint8_t kVmsRecord = 1;      // the VMs that run from here on
inline constexpr uint8_t kThreadRecord = 2;   // gives the next number to a thread
inline constexpr uint8_t kRowRecord = 3;      // from here on that thread is booked elsewhere
inline constexpr uint8_t kPackageRecord = 4;  // what the first sample of a package in this block counts from
inline constexpr uint8_t kEventRecord = 5;
inline constexpr uint8_t kCoreRecord = 6;  // what the next sample of a package tells by physical core
inline constexpr uint8_t kSampleRecord = 0x80;

// What is not as usual in a sample, one bit each.
inline constexpr uint8_t kSampleErrors = 1 << 0;
inline constexpr uint8_t kSampleSuspended = 1 << 1;
inline constexpr uint8_t kSampleCpus = 1 << 2;
inline constexpr uint8_t kSampleIrq = 1 << 3;
inline constexpr uint8_t kSampleStolen = 1 << 4;
inline constexpr uint8_t kSampleUnreported = 1 << 5;
inline constexpr uint8_t kSampleFlags = 1 << 6;
// Run time or idle time is not what follows from the others: CPUs x dt is not the sum, or threads are not all of it.
inline constexpr uint8_t kSampleTimes = 1 << 7;

// How a thread's time on its core is told, in the two lowest bits of its number.
inline constexpr uint64_t kCoreSolo = 0;     // all of it solo
inline constexpr uint64_t kCoreUnknown = 1;  // neither
inline constexpr uint64_t kCoreSplit = 2;    // the shared part follows, the rest is solo
inline constexpr uint64_t kCoreBoth = 3;     // solo and shared follow

}  // namespace vrapl
