#include "vm/proc_inventory.h"

#include "absl/strings/str_cat.h"
#include "vm/qemu_process.h"
#include "vm/vcpu_threads.h"

namespace vrapl {

absl::StatusOr<std::vector<Vm>> ProcInventory::List() {
  absl::StatusOr<std::vector<QemuProcess>> processes = ListQemuProcesses(proc_);
  if (!processes.ok()) return processes.status();
  problems_.clear();
  std::vector<Vm> vms;
  for (QemuProcess& process : *processes) {
    absl::StatusOr<std::vector<Vcpu>> vcpus = FindVcpuThreads(proc_, process.pid);
    if (!vcpus.ok()) continue;  // it ended while we looked
    if (vcpus->empty()) {
      problems_.push_back(absl::StrCat("VM ", process.name, " (process ", process.pid,
                                       "): no thread is named as a vCPU; start QEMU with -name ", process.name,
                                       ",debug-threads=on to tell its vCPUs apart"));
    }
    vms.push_back({.uuid = std::move(process.uuid),
                   .name = std::move(process.name),
                   .pid = process.pid,
                   .start_time = process.start_time,
                   .vcpus = *std::move(vcpus),
                   .ports = {}});
  }
  SortVms(vms);
  return vms;
}

}  // namespace vrapl
