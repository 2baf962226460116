// Who is who: from a thread on a CPU to a row of the ledger.
//
// Rows are numbers, given out here and used again once their VM is gone. Every thread has a row, known or not: what
// belongs to no VM is "other", a kernel thread "kernel", and so on; nothing is left out.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "attribution/ledger.h"
#include "base/run_time_types.h"
#include "vm/vm.h"

namespace vrapl {

enum class RowKind : uint8_t { kIdle, kStolen, kUnreported, kVrapl, kEmulator, kOther, kKernel, kInterrupts, kVm };

absl::string_view RowKindName(RowKind kind);  // "idle", "stolen", ..., "vm"

inline constexpr int kVraplRow = kFirstFreeRow;
inline constexpr int kEmulatorRow = kFirstFreeRow + 1;
inline constexpr int kOtherRow = kFirstFreeRow + 2;
inline constexpr int kKernelRow = kFirstFreeRow + 3;
inline constexpr int kInterruptsRow = kFirstFreeRow + 4;  // there only where the kernel tells their time apart
inline constexpr int kFirstVmRow = kFirstFreeRow + 5;

// One start of a VM: the same VM started again is another one, with totals of its own.
struct VmRun {
  std::string uuid;
  std::string name;
  pid_t pid = 0;
  uint64_t start_time = 0;
  friend bool operator==(const VmRun&, const VmRun&) = default;
};

struct RowInfo {
  bool used = false;
  RowKind kind = RowKind::kOther;
  int vm = -1;       // index into RowTable::vm(), for kVm
  std::string part;  // of a VM: "vcpu0", "io", "vhost", "emulator"; else empty
};

class RowTable {
 public:
  // `thread_name(tgid, tid)`: the thread's comm, "" when it is gone. From /proc in the program.
  using ThreadName = std::function<std::string(uint32_t tgid, uint32_t tid)>;
  RowTable(pid_t vrapl, std::set<pid_t> emulators, ThreadName thread_name);

  // The VMs that run now. Those that are gone keep their rows until Retire(): samples of their last moments may still
  // be on the way.
  void UpdateVms(const std::vector<Vm>& vms);

  // Threads: the flush thread. A thread's name is looked up once between two lists of VMs.
  int RowOf(const ThreadRun& thread);

  // The kernel tells the time of interrupts apart: there is a row for it from now on.
  void ShowInterrupts() { rows_[kInterruptsRow].used = true; }

  int row_count() const { return static_cast<int>(rows_.size()); }
  const RowInfo& row(int id) const { return rows_[static_cast<size_t>(id)]; }

  // VMs by index; an index stays valid until its VM is retired.
  int vm_count() const { return static_cast<int>(vms_.size()); }
  struct VmEntry {
    bool used = false;
    bool running = false;
    VmRun run;
    int vcpus = 0;
    std::vector<int> rows;
  };
  const VmEntry& vm(int index) const { return vms_[static_cast<size_t>(index)]; }

  // Frees a VM that no longer runs, and its rows, which are returned: their ledgers must let go of them too.
  std::vector<int> Retire(int vm);

 private:
  int VmRow(int vm, absl::string_view part);
  int Classify(const ThreadRun& thread);

  const pid_t vrapl_;
  const std::set<pid_t> emulators_;
  const ThreadName thread_name_;
  std::vector<RowInfo> rows_;
  std::vector<VmEntry> vms_;
  std::map<pid_t, int> vm_of_pid_;
  absl::flat_hash_map<uint64_t, int> row_of_thread_;  // by tid and tgid; forgotten when the VMs change
};

// The part of a VM that a thread of its QEMU process is, by its name: "CPU 2/KVM" -> "vcpu2", "IO iothread1" -> "io",
// "vhost-4711" -> "vhost", anything else "emulator".
std::string PartOfThread(absl::string_view comm);

}  // namespace vrapl
