#include "sampler/row_table.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "vm/vcpu_threads.h"

namespace vrapl {
namespace {

// Threads come and go; a table of those ever seen must not grow for ever.
constexpr size_t kMaxRemembered = 1 << 18;

}  // namespace

absl::string_view RowKindName(RowKind kind) {
  switch (kind) {
    case RowKind::kIdle:
      return "idle";
    case RowKind::kStolen:
      return "stolen";
    case RowKind::kUnreported:
      return "unreported";
    case RowKind::kVrapl:
      return "vrapl";
    case RowKind::kEmulator:
      return "emulator";
    case RowKind::kOther:
      return "other";
    case RowKind::kKernel:
      return "kernel";
    case RowKind::kInterrupts:
      return "interrupts";
    case RowKind::kVm:
      return "vm";
  }
  return "unknown";
}

std::string PartOfThread(absl::string_view comm) {
  if (const std::optional<int> vcpu = VcpuIndexOfThread(comm)) return absl::StrCat("vcpu", *vcpu);
  if (absl::StartsWith(comm, "IO iothread")) return "io";
  if (absl::StartsWith(comm, "vhost-")) return "vhost";
  return "emulator";
}

RowTable::RowTable(pid_t vrapl, std::set<pid_t> emulators, ThreadName thread_name)
    : vrapl_(vrapl), emulators_(std::move(emulators)), thread_name_(std::move(thread_name)), rows_(kFirstVmRow) {
  const auto fixed = [this](int id, RowKind kind) { rows_[static_cast<size_t>(id)] = {.used = true, .kind = kind}; };
  fixed(kIdleRow, RowKind::kIdle);
  fixed(kStolenRow, RowKind::kStolen);
  fixed(kUnreportedRow, RowKind::kUnreported);
  fixed(kVraplRow, RowKind::kVrapl);
  fixed(kEmulatorRow, RowKind::kEmulator);
  fixed(kOtherRow, RowKind::kOther);
  fixed(kKernelRow, RowKind::kKernel);
  rows_[kInterruptsRow].kind = RowKind::kInterrupts;
}

void RowTable::UpdateVms(const std::vector<Vm>& vms) {
  row_of_thread_.clear();
  for (VmEntry& entry : vms_) entry.running = false;
  for (const Vm& vm : vms) {
    const VmRun run{.uuid = vm.uuid, .name = vm.name, .pid = vm.pid, .start_time = vm.start_time};
    auto entry = std::find_if(vms_.begin(), vms_.end(), [&](const VmEntry& old) {
      return old.used && old.run.uuid == run.uuid && old.run.pid == run.pid && old.run.start_time == run.start_time;
    });
    if (entry == vms_.end()) {
      entry = std::find_if(vms_.begin(), vms_.end(), [](const VmEntry& old) { return !old.used; });
      if (entry == vms_.end()) entry = vms_.insert(vms_.end(), VmEntry{});
      *entry = {.used = true, .run = run};
    }
    entry->running = true;
    entry->run.name = vm.name;
    entry->vcpus = static_cast<int>(vm.vcpus.size());
    const auto index = static_cast<int>(entry - vms_.begin());
    vm_of_pid_[vm.pid] = index;
    // Rows of a VM exist from the start, so that one that has not run yet shows 0 and is not missing.
    for (const Vcpu& vcpu : vm.vcpus) VmRow(index, absl::StrCat("vcpu", vcpu.index));
    VmRow(index, "emulator");
  }
}

int RowTable::VmRow(int vm, absl::string_view part) {
  VmEntry& entry = vms_[static_cast<size_t>(vm)];
  for (const int id : entry.rows) {
    if (row(id).part == part) return id;
  }
  auto free = std::find_if(rows_.begin() + kFirstVmRow, rows_.end(), [](const RowInfo& info) { return !info.used; });
  if (free == rows_.end()) free = rows_.insert(rows_.end(), RowInfo{});
  *free = {.used = true, .kind = RowKind::kVm, .vm = vm, .part = std::string(part)};
  const auto id = static_cast<int>(free - rows_.begin());
  entry.rows.push_back(id);
  return id;
}

int RowTable::Classify(const ThreadRun& thread) {
  const auto tgid = static_cast<pid_t>(thread.tgid);
  if (tgid == vrapl_) return kVraplRow;
  if (emulators_.count(tgid) > 0) return kEmulatorRow;
  if (const auto vm = vm_of_pid_.find(tgid); vm != vm_of_pid_.end()) {
    return VmRow(vm->second, PartOfThread(thread_name_(thread.tgid, thread.tid)));
  }
  if ((thread.task_flags & kTaskKernelThread) != 0) {
    // Linux before 6.4 runs a VM's vhost workers as kernel threads named after its process.
    const std::string comm = thread_name_(thread.tgid, thread.tid);
    pid_t owner = 0;
    if (absl::StartsWith(comm, "vhost-") && absl::SimpleAtoi(comm.substr(6), &owner)) {
      if (const auto vm = vm_of_pid_.find(owner); vm != vm_of_pid_.end()) return VmRow(vm->second, "vhost");
    }
    return kKernelRow;
  }
  return kOtherRow;
}

int RowTable::RowOf(const ThreadRun& thread) {
  const uint64_t key = uint64_t{thread.tgid} << 32 | thread.tid;
  if (const auto known = row_of_thread_.find(key); known != row_of_thread_.end()) return known->second;
  if (row_of_thread_.size() >= kMaxRemembered) row_of_thread_.clear();
  const int id = Classify(thread);
  row_of_thread_[key] = id;
  return id;
}

std::vector<int> RowTable::Retire(int vm) {
  VmEntry& entry = vms_[static_cast<size_t>(vm)];
  if (const auto pid = vm_of_pid_.find(entry.run.pid); pid != vm_of_pid_.end() && pid->second == vm) {
    vm_of_pid_.erase(pid);
  }
  std::vector<int> freed = std::move(entry.rows);
  for (const int id : freed) rows_[static_cast<size_t>(id)] = {};
  entry = {};
  row_of_thread_.clear();
  return freed;
}

}  // namespace vrapl
