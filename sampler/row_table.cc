#include "sampler/row_table.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "sampler/vm_part.h"
#include "vm/vm_cgroup.h"

namespace vrapl {
namespace {

// Threads come and go; a table of those ever seen must not grow for ever.
constexpr size_t kMaxRemembered = 1 << 18;
// So many lists of VMs a thread that does not run is remembered.
constexpr uint32_t kListsRemembered = 3;
// At this age a thread has the name and the cgroup that it keeps.
constexpr int64_t kSettledNs = kNanosPerSecond;
constexpr int64_t kNever = INT64_MAX;
constexpr int64_t kClockTickNs = 10'000'000;  // of /proc, USER_HZ: 100 on every x86

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
    case RowKind::kCommand:
      return "command";
    case RowKind::kVm:
      return "vm";
  }
  return "unknown";
}

std::optional<RowKind> RowKindOfName(absl::string_view name) {
  for (int kind = 0; kind <= static_cast<int>(RowKind::kVm); ++kind) {
    if (RowKindName(static_cast<RowKind>(kind)) == name) return static_cast<RowKind>(kind);
  }
  return std::nullopt;
}

RowTable::RowTable(pid_t vrapl, std::set<pid_t> emulators, ThreadFacts facts)
    : vrapl_(vrapl), emulators_(std::move(emulators)), facts_(std::move(facts)), rows_(kFirstVmRow) {
  const auto fixed = [this](int id, RowKind kind) { rows_[static_cast<size_t>(id)] = {.used = true, .kind = kind}; };
  fixed(kIdleRow, RowKind::kIdle);
  fixed(kStolenRow, RowKind::kStolen);
  fixed(kUnreportedRow, RowKind::kUnreported);
  fixed(kVraplRow, RowKind::kVrapl);
  fixed(kEmulatorRow, RowKind::kEmulator);
  fixed(kOtherRow, RowKind::kOther);
  fixed(kKernelRow, RowKind::kKernel);
  rows_[kInterruptsRow].kind = RowKind::kInterrupts;
  rows_[kCommandRow] = {.used = facts_.of_command != nullptr, .kind = RowKind::kCommand};
}

void RowTable::LookAgain() {
  ++list_;
  processes_.clear();
}

void RowTable::UpdateVms(const std::vector<Vm>& vms) {
  ++list_;
  absl::erase_if(threads_, [this](const auto& known) { return list_ - known.second.list > kListsRemembered; });
  processes_.clear();
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
      vms_of_pid_.emplace(vm.pid, static_cast<int>(entry - vms_.begin()));
    }
    entry->running = true;
    entry->run.name = vm.name;
    entry->vcpus = static_cast<int>(vm.vcpus.size());
    const auto index = static_cast<int>(entry - vms_.begin());
    if (facts_.cgroup) {
      if (std::string cgroup = MachineCgroup(facts_.cgroup(vm.pid)); !cgroup.empty()) entry->cgroup = std::move(cgroup);
    }
    // Rows of a VM exist from the start, so that one that has not run yet shows 0 and is not missing.
    for (const Vcpu& vcpu : vm.vcpus) VmRow(index, absl::StrCat("vcpu", vcpu.index));
    VmRow(index, "emulator");
  }
  any_cgroup_ = std::any_of(vms_.begin(), vms_.end(), [](const VmEntry& entry) { return !entry.cgroup.empty(); });
}

int RowTable::NewRow(RowInfo info) {
  auto free = std::find_if(rows_.begin() + kFirstVmRow, rows_.end(), [](const RowInfo& row) { return !row.used; });
  if (free == rows_.end()) free = rows_.insert(rows_.end(), RowInfo{});
  *free = std::move(info);
  return static_cast<int>(free - rows_.begin());
}

int RowTable::VmRow(int vm, absl::string_view part) { return RowNamed(RowKind::kVm, vm, part, std::nullopt); }

int RowTable::RowNamed(RowKind kind, int vm, absl::string_view part, const std::optional<ThreadName>& thread) {
  RowInfo wanted{.used = true, .kind = kind, .vm = vm, .part = std::string(part), .thread = thread};
  if (kind == RowKind::kVm) {
    VmEntry& entry = vms_[static_cast<size_t>(vm)];
    for (const int id : entry.rows) {
      if (row(id).part == part && row(id).thread == thread) return id;
    }
    entry.rows.push_back(NewRow(std::move(wanted)));
    return entry.rows.back();
  }
  for (int id = 0; id < row_count(); ++id) {
    if (row(id).kind != kind || row(id).thread != thread || (!thread && id >= kFirstVmRow)) continue;
    rows_[static_cast<size_t>(id)].used = true;  // a command's is there only where one was measured
    return id;
  }
  return thread ? NewRow(std::move(wanted)) : kOtherRow;
}

uint64_t RowTable::StartTicks(const ThreadRun& thread) const {
  // As the kernel cuts it off for us to read: with the offset of our time namespace.
  return static_cast<uint64_t>((static_cast<int64_t>(thread.start_ns) + facts_.boottime_offset_ns) / kClockTickNs);
}

// The VM whose process `pid` is, as `thread` shows it: one of its own, or a kernel thread that works for it.
std::optional<int> RowTable::VmOfProcess(pid_t pid, const ThreadRun& thread) {
  const bool is_first = thread.tid == thread.tgid && static_cast<pid_t>(thread.tgid) == pid;
  const bool start_known = thread.start_ns != 0;
  const uint64_t ticks = StartTicks(thread);
  VmEntry* found = nullptr;
  const auto [begin, end] = vms_of_pid_.equal_range(pid);
  for (auto it = begin; it != end; ++it) {
    VmEntry& entry = vms_[static_cast<size_t>(it->second)];
    if (start_known && is_first && ticks != entry.run.start_time) {
      // Its first thread starts with a process. This one is another process: what it starts later is not the VM's.
      if (ticks > entry.run.start_time) entry.succeeded_at = std::min(entry.succeeded_at, ticks);
      continue;
    }
    if (start_known && (ticks < entry.run.start_time || ticks >= entry.succeeded_at)) continue;
    if (found == nullptr || entry.run.start_time > found->run.start_time) found = &entry;
  }
  if (found == nullptr) return std::nullopt;
  if (start_known && !is_first && facts_.process_start) {
    const std::optional<uint64_t> now = facts_.process_start(pid);
    if (now && *now > found->run.start_time) {
      found->succeeded_at = std::min(found->succeeded_at, *now);
      if (ticks >= *now) return std::nullopt;
    }
  }
  return static_cast<int>(found - vms_.data());
}

int RowTable::VmOfCgroup(absl::string_view proc_cgroup) const {
  const std::string cgroup = MachineCgroup(proc_cgroup);
  int found = -1;
  for (int vm = 0; vm < vm_count() && !cgroup.empty(); ++vm) {
    const VmEntry& entry = vms_[static_cast<size_t>(vm)];
    // Proxmox gives a VM the same one at every start: then it is that of the run that goes on.
    if (entry.cgroup == cgroup && (found < 0 || entry.running)) found = vm;
  }
  return found;
}

// By the cgroup of its process, which is looked at once for all its threads.
std::optional<int> RowTable::HelperRow(const ThreadRun& thread) {
  if (!any_cgroup_) return kOtherRow;
  const auto known = processes_.find(thread.tgid);
  // What was seen before the thread had settled does not hold for it; perhaps its process is another one.
  const bool holds =
      known != processes_.end() &&
      (thread.start_ns == 0 || known->second.looked_ns >= static_cast<int64_t>(thread.start_ns) + kSettledNs);
  int vm = holds ? known->second.vm : -1;
  if (!holds) {
    const std::string proc_cgroup = facts_.cgroup(static_cast<pid_t>(thread.tgid));
    if (proc_cgroup.empty()) return std::nullopt;
    vm = VmOfCgroup(proc_cgroup);
    if (processes_.size() >= kMaxRemembered) processes_.clear();
    processes_[thread.tgid] = {.vm = vm, .looked_ns = NowNs()};
  }
  return vm >= 0 ? VmRow(vm, "helper") : kOtherRow;
}

std::optional<int> RowTable::ClassifyKernelThread(const ThreadRun& thread) {
  if (vms_of_pid_.empty() || !facts_.name) return kKernelRow;
  const std::string comm = facts_.name(thread.tgid, thread.tid);
  if (comm.empty()) return std::nullopt;
  const KernelWorker worker = KernelWorkerOfName(comm);
  if (worker.part.empty()) return kKernelRow;
  int vm = worker.owner != 0 ? VmOfProcess(worker.owner, thread).value_or(-1) : -1;
  // The kernel puts its threads for a VM into the cgroup of whoever asked for them.
  if (vm < 0 && any_cgroup_) vm = VmOfCgroup(facts_.cgroup(static_cast<pid_t>(thread.tid)));
  return vm >= 0 ? VmRow(vm, worker.part) : kKernelRow;
}

std::optional<int> RowTable::Classify(const ThreadRun& thread) {
  const auto tgid = static_cast<pid_t>(thread.tgid);
  if (tgid == vrapl_) return kVraplRow;
  if (emulators_.count(tgid) > 0) return kEmulatorRow;
  if (facts_.of_command && facts_.of_command(thread)) return kCommandRow;
  if ((thread.task_flags & kTaskKernelThread) != 0) return ClassifyKernelThread(thread);
  if (const std::optional<int> vm = VmOfProcess(tgid, thread)) {
    const std::string comm = facts_.name ? facts_.name(thread.tgid, thread.tid) : "";
    if (!comm.empty()) return VmRow(*vm, PartOfThread(comm));
    // Of the VM for sure, and gone before anybody could see its name.
    const auto known = threads_.find(IdOf(thread));
    const bool keep = known != threads_.end() && row(known->second.row).vm == *vm;
    return keep ? known->second.row : VmRow(*vm, "emulator");
  }
  return HelperRow(thread);
}

// A name may come at any time: the thread is looked at again when it is twice as old, so it is in the wrong part for no
// longer than it was without the name. Cgroups of others cost more to look at and come at once: once more is enough.
int64_t RowTable::LookAgainNs(const ThreadRun& thread, int id) const {
  if (thread.start_ns == 0 || !facts_.boottime_ns) return kNever;
  const RowKind kind = row(id).kind;
  const bool may_move = any_cgroup_ || facts_.of_command != nullptr;
  if (kind != RowKind::kVm && (kind != RowKind::kOther || !may_move)) return kNever;
  const auto start_ns = static_cast<int64_t>(thread.start_ns);
  const int64_t age_ns = std::max<int64_t>(facts_.boottime_ns() - start_ns, 0);
  if (age_ns >= kSettledNs) return kNever;
  if (kind == RowKind::kOther) return start_ns + kSettledNs;
  return start_ns + std::min(std::max(2 * age_ns, age_ns + kNanosPerMilli), kSettledNs);
}

int RowTable::RowOf(const ThreadRun& thread) {
  if (teller_) return teller_(thread);
  const ThreadId key = IdOf(thread);
  if (const auto known = threads_.find(key); known != threads_.end() && known->second.list == list_) {
    const int64_t look_again_ns = known->second.look_again_ns;
    if (look_again_ns == kNever || facts_.boottime_ns() < look_again_ns) return known->second.row;
  }
  std::optional<int> id = Classify(thread);
  if (threads_.size() >= kMaxRemembered) threads_.clear();
  auto [entry, is_new] = threads_.try_emplace(key);
  if (!id && is_new) id = (thread.task_flags & kTaskKernelThread) != 0 ? kKernelRow : kOtherRow;
  if (!id) id = entry->second.row;
  entry->second = {.row = *id, .list = list_, .look_again_ns = LookAgainNs(thread, *id)};
  return *id;
}

std::vector<int> RowTable::Retire(int vm) {
  ++generation_;
  VmEntry& entry = vms_[static_cast<size_t>(vm)];
  const auto [begin, end] = vms_of_pid_.equal_range(entry.run.pid);
  for (auto it = begin; it != end; ++it) {
    if (it->second == vm) {
      vms_of_pid_.erase(it);
      break;
    }
  }
  std::vector<int> freed = std::move(entry.rows);
  absl::erase_if(threads_, [this, vm](const auto& known) { return row(known.second.row).vm == vm; });
  processes_.clear();
  for (const int id : freed) rows_[static_cast<size_t>(id)] = {};
  entry = {};
  return freed;
}

}  // namespace vrapl
