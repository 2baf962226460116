#include "probe/look.h"

#include <memory>
#include <utility>

#include "bpf/switch_log.h"
#include "msr/rapl_reader.h"
#include "powercap/powercap_reader.h"
#include "vm/inventory.h"
#include "vm/proc_inventory.h"

namespace vrapl {

ProbeFindings Look(const HostRoot& root, const LookOptions& options) {
  ProbeFindings found{.emulated = root.emulated(), .cpu = ReadCpuModel(root)};
  for (const Backend candidate : {Backend::kMsr, Backend::kSysfs}) {
    if (options.backend != Backend::kAuto && options.backend != candidate) continue;
    SourceFindings result{.name = candidate == Backend::kMsr ? "msr" : "sysfs"};
    if (candidate == Backend::kMsr) {
      if (absl::StatusOr<MsrProbe> probe = ProbeMsr(root); probe.ok()) result.packages = probe->packages;
    } else if (absl::StatusOr<std::vector<PackageProbe>> probe = ProbePowercap(root); probe.ok()) {
      result.packages = *probe;
    }
    // Judged as a run would judge it: opened, and seen to move.
    result.usable = OpenEnergySources(candidate, root, RealClock()).status();
    if (result.usable.ok() && found.chosen.empty()) found.chosen = result.name;
    found.sources.push_back(std::move(result));
  }
  found.run_time = SwitchLog::Attach().status();

  found.vms_by = options.vms_by_proc ? "proc" : "libvirt";
  if (found.vms_by == "libvirt") {
    absl::StatusOr<std::unique_ptr<Inventory>> inventory = Inventory::Open(options.connect);
    found.vms_status = inventory.status();
    if (inventory.ok()) {
      absl::StatusOr<std::vector<Vm>> vms = (*inventory)->List();
      found.vms_status = vms.status();
      if (vms.ok()) found.vms = *std::move(vms);
    }
  } else {
    absl::StatusOr<std::vector<Vm>> vms = ProcInventory().List();
    found.vms_status = vms.status();
    if (vms.ok()) found.vms = *std::move(vms);
  }
  return found;
}

}  // namespace vrapl
