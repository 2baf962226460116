// Who is who: from a thread on a CPU to a row of the ledger.
//
// Rows are numbers, given out here and used again once their VM is gone. Every thread has a row, known or not: what
// belongs to no VM is "other", a kernel thread "kernel", and so on; nothing is left out.
//
// Numbers of processes and threads are used again by the kernel, so each is known by its start too. A VM's threads are
// those of the process that has its number and its start, the kernel's threads that work for that process, and the
// processes that share a VM's cgroup with it (vm/vm_cgroup.h).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "attribution/ledger.h"
#include "base/run_time_types.h"
#include "base/thread_id.h"
#include "sampler/thread_facts.h"
#include "vm/vm.h"

namespace vrapl {

enum class RowKind : uint8_t {
  kIdle,
  kStolen,
  kUnreported,
  kVrapl,
  kEmulator,
  kOther,
  kKernel,
  kInterrupts,
  kCommand,
  kVm
};

absl::string_view RowKindName(RowKind kind);  // "idle", "stolen", ..., "vm"
std::optional<RowKind> RowKindOfName(absl::string_view name);

inline constexpr int kVraplRow = kFirstFreeRow;
inline constexpr int kEmulatorRow = kFirstFreeRow + 1;
inline constexpr int kOtherRow = kFirstFreeRow + 2;
inline constexpr int kKernelRow = kFirstFreeRow + 3;
inline constexpr int kInterruptsRow = kFirstFreeRow + 4;  // there only where the kernel tells their time apart
inline constexpr int kCommandRow = kFirstFreeRow + 5;     // there only where a command is measured
inline constexpr int kFirstVmRow = kFirstFreeRow + 6;

// One start of a VM: the same VM started again is another one, with totals of its own.
struct VmRun {
  std::string uuid;
  std::string name;
  pid_t pid = 0;
  uint64_t start_time = 0;
  friend bool operator==(const VmRun&, const VmRun&) = default;
};

// A thread that has a row of its own.
struct ThreadName {
  uint32_t tid = 0;
  uint32_t tgid = 0;
  std::string comm;  // "": it was gone before anybody could see its name
  friend bool operator==(const ThreadName&, const ThreadName&) = default;
};

struct RowInfo {
  bool used = false;
  RowKind kind = RowKind::kOther;
  int vm = -1;                       // index into RowTable::vm(), for kVm
  std::string part;                  // of a VM: "vcpu0", "io", "emulator", ... (sampler/vm_part.h); else empty
  std::optional<ThreadName> thread;  // only where each thread has a row of its own
};

class RowTable {
 public:
  RowTable(pid_t vrapl, std::set<pid_t> emulators, ThreadFacts facts);

  // The VMs that run now. Those that are gone keep their rows until Retire(): samples of their last moments may still
  // be on the way.
  void UpdateVms(const std::vector<Vm>& vms);

  // Threads: the flush thread. What is known of a thread is looked up once between two lists of VMs. One that has just
  // been started is looked at again until it is a second old: QEMU names its threads after it has started them, and
  // libvirt puts helpers into the VM's cgroup after it has started those. A thread that is gone when it is looked at
  // keeps the row that it had.
  int RowOf(const ThreadRun& thread);

  // In a replay somebody else knows each thread's row: asked instead of /proc by RowOf().
  using Teller = std::function<int(const ThreadRun& thread)>;
  void AskInstead(Teller teller) { teller_ = std::move(teller); }
  // The row of that kind, part and thread, made if need be; `vm` is an index, for kVm only.
  int RowNamed(RowKind kind, int vm, absl::string_view part, const std::optional<ThreadName>& thread);
  // Changes whenever ids may have come to stand for other rows.
  uint32_t generation() const { return generation_; }
  // What was found out about threads holds no longer: each is looked at again when it is met. One that is gone keeps
  // its row.
  void LookAgain();

  // The kernel tells the time of interrupts apart: there is a row for it from now on.
  void ShowInterrupts() { rows_[kInterruptsRow].used = true; }

  int row_count() const { return static_cast<int>(rows_.size()); }
  const RowInfo& row(int id) const { return rows_[static_cast<size_t>(id)]; }
  // RowTime::group of the row: rows of a VM belong together.
  int group(int id) const { return row(id).kind == RowKind::kVm ? row(id).vm : -1; }

  // VMs by index; an index stays valid until its VM is retired.
  int vm_count() const { return static_cast<int>(vms_.size()); }
  struct VmEntry {
    bool used = false;
    bool running = false;
    VmRun run;
    int vcpus = 0;
    std::vector<int> rows;
    std::string cgroup;  // shared with its helpers alone; "": it has none
    // Another process was started with its number at this time, clock ticks: what is as young is not the VM's.
    uint64_t succeeded_at = UINT64_MAX;
  };
  const VmEntry& vm(int index) const { return vms_[static_cast<size_t>(index)]; }

  // Frees a VM that no longer runs, and its rows, which are returned: their ledgers must let go of them too.
  std::vector<int> Retire(int vm);

 private:
  struct KnownThread {
    int row;
    uint32_t list;          // of VMs, when it was looked up
    int64_t look_again_ns;  // CLOCK_BOOTTIME
  };
  struct KnownProcess {
    int vm;  // whose helper it is, -1: nobody's
    int64_t looked_ns;
  };

  int VmRow(int vm, absl::string_view part);
  // nullopt: the thread is gone, and nobody can say more than what was known of it.
  std::optional<int> Classify(const ThreadRun& thread);
  std::optional<int> ClassifyKernelThread(const ThreadRun& thread);
  std::optional<int> VmOfProcess(pid_t pid, const ThreadRun& thread);
  std::optional<int> HelperRow(const ThreadRun& thread);
  int VmOfCgroup(absl::string_view proc_cgroup) const;  // -1: of none
  int64_t LookAgainNs(const ThreadRun& thread, int row) const;
  uint64_t StartTicks(const ThreadRun& thread) const;
  int64_t NowNs() const { return facts_.boottime_ns ? facts_.boottime_ns() : INT64_MAX; }

  int NewRow(RowInfo info);

  const pid_t vrapl_;
  const std::set<pid_t> emulators_;
  const ThreadFacts facts_;
  std::vector<RowInfo> rows_;
  std::vector<VmEntry> vms_;
  std::multimap<pid_t, int> vms_of_pid_;
  bool any_cgroup_ = false;
  Teller teller_;
  uint32_t generation_ = 0;
  uint32_t list_ = 0;  // of VMs, counted
  absl::flat_hash_map<ThreadId, KnownThread> threads_;
  absl::flat_hash_map<uint32_t, KnownProcess> processes_;  // by tgid; those that are no VM's own
};

}  // namespace vrapl
