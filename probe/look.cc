#include "probe/look.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "msr/rapl_model.h"
#include "msr/rapl_reader.h"
#include "probe/hardware.h"
#include "probe/sources.h"
#include "vm/inventory.h"
#include "vm/proc_inventory.h"

namespace vrapl {
namespace {

std::string RuleText(const RaplModel& model) {
  std::string text;
  switch (model.unit_rule) {
    case EnergyUnitRule::kPowerOfTwo:
      text = "2^-ESU J (ESU: a field of the unit register)";
      break;
    case EnergyUnitRule::kMicrojoules:
      text = "2^ESU uJ (ESU: a field of the unit register)";
      break;
    case EnergyUnitRule::kByRange:
      text = "2^-ESU J or 2^ESU uJ, whichever lies between 1 uJ and 1 mJ (ESU: a field of the unit register)";
      break;
  }
  if (model.dram_unit_joules) absl::StrAppend(&text, "; dram always ", *model.dram_unit_joules * 1e6, " uJ");
  if (model.psys_unit_joules) absl::StrAppend(&text, "; psys always ", *model.psys_unit_joules, " J");
  return text;
}

void LookAtSource(const HostRoot& root, const SourceKind& kind, const LookOptions& options, SourceFindings& source) {
  const auto step = [&](absl::string_view what) {
    if (options.on_step) options.on_step(absl::StrCat(kind.name, ": ", what));
  };
  step("looking for counters");
  if (absl::StatusOr<std::vector<PackageProbe>> probes = kind.probe(root, options.reading); probes.ok()) {
    for (PackageProbe& probe : *probes) source.packages.push_back({.probe = std::move(probe), .updates = {}});
  }
  // Judged as a run would judge it: opened, and seen to move.
  absl::StatusOr<OpenBackend> opened = OpenEnergySources(kind.backend, root, *options.updates.clock, options.reading);
  source.usable = opened.status();
  if (!opened.ok()) return;
  for (const std::unique_ptr<EnergySource>& energy : opened->sources) {
    step(absl::StrCat("how often the counters of package ", energy->package().package_id, " are updated"));
    for (PackageFindings& package : source.packages) {
      if (package.probe.package_id != energy->package().package_id ||
          package.probe.die_id != energy->package().die_id) {
        continue;
      }
      package.updates = FindUpdates(*energy, options.updates);
      break;
    }
  }
}

}  // namespace

ProbeFindings Look(const HostRoot& root, const SystemState& system, const LookOptions& options) {
  ProbeFindings found{.emulated = root.emulated(), .cpu = ReadCpuModel(root)};
  bool in_virtual_machine = false;
  if (found.cpu.ok()) {
    const RaplModel* model = options.reading.cpu_table.Find(*found.cpu);
    found.cpu_table = options.reading.cpu_table.Label(*found.cpu);
    if (model != nullptr) {
      found.table_row = std::string(model->name);
      found.table_row_source = std::string(model->source);
      found.unit_rule = RuleText(*model);
    }
    found.thermal_power = ReadThermalPower(root, *found.cpu, model);
    found.checks.push_back(CheckVirtualMachine(root, *found.cpu));
    in_virtual_machine = InVirtualMachine(found.checks.back());
    found.checks.push_back(CheckEnergyFiltering(root, *found.cpu));
  }
  for (const SourceKind& kind : SourceKinds()) {
    if (options.backend != Backend::kAuto && options.backend != kind.backend) continue;
    SourceFindings source{
        .name = kind.name, .what = kind.what, .usable = absl::OkStatus(), .remedy = "", .packages = {}};
    LookAtSource(root, kind, options, source);
    source.remedy = SourceRemedy(kind, source.usable, in_virtual_machine, system.program);
    if (source.usable.ok() && found.chosen.empty()) found.chosen = source.name;
    found.sources.push_back(std::move(source));
  }
  found.run_time = JudgeRunTime(system);
  for (Check& check : JudgeSystem(system)) found.checks.push_back(std::move(check));
  return found;
}

void LookForVms(const VmOptions& options, ProbeFindings& found) {
  std::unique_ptr<VmLister> lister;
  if (options.by_proc) {
    lister = std::make_unique<ProcInventory>();
  } else {
    absl::StatusOr<std::unique_ptr<Inventory>> inventory = Inventory::Open(options.connect);
    found.vms_status = inventory.status();
    if (inventory.ok()) lister = *std::move(inventory);
  }
  found.vms_by = options.by_proc ? "proc" : "libvirt";
  if (lister != nullptr) {
    absl::StatusOr<std::vector<Vm>> vms = lister->List();
    found.vms_status = vms.status();
    if (vms.ok()) found.vms = *std::move(vms);
  }
}

}  // namespace vrapl
