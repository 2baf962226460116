// vrapl probe: what this host can measure; for each thing it cannot, why and what to do.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/cpu_model.h"
#include "bpf/switch_log.h"
#include "cli/arguments.h"
#include "cli/stop_signal.h"
#include "cli/verb_app.h"
#include "cli/verbs.h"
#include "msr/rapl_reader.h"
#include "powercap/powercap_reader.h"
#include "vm/inventory.h"
#include "vm/port_choice.h"
#include "vm/proc_inventory.h"

namespace vrapl {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kFooter[] = R"(Exit code 0 when energy can be measured, 1 when not.

Examples:
  vrapl probe
  vrapl probe --backend=sysfs --json
  vrapl probe --emulate=zen3)";

struct BackendFindings {
  std::string name;
  absl::Status usable;  // the counters opened and moved
  std::vector<PackageProbe> packages;
};

struct Findings {
  std::string source;  // "emulated", or "" for this machine's own hardware
  absl::StatusOr<CpuModel> cpu = absl::UnknownError("");
  std::vector<BackendFindings> backends;
  std::string chosen;  // "" when energy cannot be measured
  absl::Status run_time;
  std::string vms_by;
  absl::Status vms_status;
  std::vector<Vm> vms;
};

Findings Look(const CommonArguments& arguments, const HostRoot& root, Backend backend) {
  Findings found{.source = root.emulated() ? "emulated" : "", .cpu = ReadCpuModel(root)};
  for (const Backend candidate : {Backend::kMsr, Backend::kSysfs}) {
    if (backend != Backend::kAuto && backend != candidate) continue;
    BackendFindings result{.name = candidate == Backend::kMsr ? "msr" : "sysfs"};
    if (candidate == Backend::kMsr) {
      if (absl::StatusOr<MsrProbe> probe = ProbeMsr(root); probe.ok()) result.packages = probe->packages;
    } else if (absl::StatusOr<std::vector<PackageProbe>> probe = ProbePowercap(root); probe.ok()) {
      result.packages = *probe;
    }
    // Judged as a run would judge it: opened, and seen to move.
    result.usable = OpenEnergySources(candidate, root, RealClock()).status();
    if (result.usable.ok() && found.chosen.empty()) found.chosen = result.name;
    found.backends.push_back(std::move(result));
  }
  found.run_time = SwitchLog::Attach().status();

  found.vms_by = arguments.vms == "proc" ? "proc" : "libvirt";
  if (found.vms_by == "libvirt") {
    absl::StatusOr<std::unique_ptr<Inventory>> inventory = Inventory::Open(arguments.connect);
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

std::string PortText(const GuestPort& port) {
  const bool channel = port.kind == GuestPort::Kind::kVirtioChannel;
  const std::string device = channel ? absl::StrCat("channel ", port.name) : absl::StrCat("ttyS", port.isa_port);
  static constexpr const char* kTransports[] = {"unix", "pty", "tcp", "other"};
  return absl::StrCat(device, " (", kTransports[static_cast<int>(port.transport)], " ", port.path, ")");
}

void PrintText(const Findings& found) {
  if (!found.source.empty()) absl::PrintF("EMULATED HARDWARE: what follows about energy is not this machine\n");
  absl::PrintF("cpu       %s%s\n", found.cpu.ok() ? DescribeCpu(*found.cpu) : std::string(found.cpu.status().message()),
               found.cpu.ok() && found.cpu->hypervisor ? ", in a virtual machine" : "");
  for (const BackendFindings& backend : found.backends) {
    if (backend.usable.ok()) {
      absl::PrintF("%-9s usable%s\n", backend.name, backend.name == found.chosen ? ", chosen" : "");
    } else {
      absl::PrintF("%-9s NO: %s\n", backend.name, backend.usable.message());
    }
    for (const PackageProbe& package : backend.packages) {
      absl::PrintF("  package %d%s on CPUs %s, read on CPU %d%s\n", package.package_id,
                   package.die_id > 0 ? absl::StrCat(" die ", package.die_id) : "", absl::StrJoin(package.cpus, ","),
                   package.reader_cpu, package.note.empty() ? "" : "; " + package.note);
      for (const DomainProbe& domain : package.domains) {
        if (domain.present) {
          const Joules range = EnergyTicks{domain.wrap_ticks} * domain.unit;
          absl::PrintF("    %-8s unit %.4g uJ, wraps at %.0f J (%.0f s at 200 W), %s\n", DomainName(domain.id),
                       domain.unit.joules_per_tick * 1e6, range.value, range.value / 200, domain.origin);
        } else {
          absl::PrintF("    %-8s no: %s\n", DomainName(domain.id), domain.why);
        }
      }
    }
  }
  absl::PrintF("run time  %s\n",
               found.run_time.ok() ? "exact, by BPF at sched_switch" : absl::StrCat("NO: ", found.run_time.message()));
  if (!found.vms_status.ok()) {
    absl::PrintF("VMs       NO: %s\n", found.vms_status.message());
  } else {
    absl::PrintF("VMs       %d running, by %s\n", found.vms.size(), found.vms_by);
  }
  for (const Vm& vm : found.vms) {
    absl::PrintF("  %s  uuid %s, PID %d, %d vCPUs\n", vm.name, vm.uuid, vm.pid, vm.vcpus.size());
    for (const GuestPort& port : vm.ports) absl::PrintF("    %s\n", PortText(port));
    if (ChoosePorts(vm, {}).ports.empty()) {
      absl::PrintF("    no channel %s: name a serial port with `vrapl serve --serial-port=N`\n", kPowerChannelName);
    }
  }
  absl::PrintF("%s\n", found.chosen.empty()
                           ? "energy cannot be measured here; `vrapl sample --emulate` shows an emulated host"
                           : absl::StrCat("energy can be measured, by ", found.chosen));
}

Json StatusJson(const absl::Status& status) {
  Json json = {{"ok", status.ok()}};
  if (!status.ok()) json["why"] = std::string(status.message());
  return json;
}

void PrintJson(const Findings& found) {
  Json json = {{"vrapl", VRAPL_VERSION}, {"emulated", !found.source.empty()}, {"chosen", nullptr}};
  if (!found.chosen.empty()) json["chosen"] = found.chosen;
  if (found.cpu.ok()) {
    json["cpu"] = {
        {"vendor", found.cpu->vendor_id},     {"family", found.cpu->family}, {"model", found.cpu->model},
        {"stepping", found.cpu->stepping},    {"name", found.cpu->name},     {"microcode", found.cpu->microcode},
        {"hypervisor", found.cpu->hypervisor}};
  }
  json["backends"] = Json::array();
  for (const BackendFindings& backend : found.backends) {
    Json entry = {{"name", backend.name}, {"usable", StatusJson(backend.usable)}, {"packages", Json::array()}};
    for (const PackageProbe& package : backend.packages) {
      Json domains = Json::array();
      for (const DomainProbe& domain : package.domains) {
        Json one = {{"domain", DomainName(domain.id)}, {"present", domain.present}, {"origin", domain.origin}};
        if (domain.present) {
          one["unit_uj"] = domain.unit.joules_per_tick * 1e6;
          one["wrap_ticks"] = domain.wrap_ticks;
        } else {
          one["why"] = domain.why;
        }
        domains.push_back(std::move(one));
      }
      entry["packages"].push_back({{"package", package.package_id},
                                   {"die", package.die_id},
                                   {"cpus", package.cpus},
                                   {"reader_cpu", package.reader_cpu},
                                   {"domains", std::move(domains)}});
    }
    json["backends"].push_back(std::move(entry));
  }
  json["run_time"] = StatusJson(found.run_time);
  json["vms"] = {{"by", found.vms_by}, {"status", StatusJson(found.vms_status)}, {"list", Json::array()}};
  for (const Vm& vm : found.vms) {
    Json ports = Json::array();
    for (const GuestPort& port : vm.ports) ports.push_back(PortText(port));
    json["vms"]["list"].push_back(
        {{"name", vm.name}, {"id", vm.uuid}, {"pid", vm.pid}, {"vcpus", vm.vcpus.size()}, {"ports", std::move(ports)}});
  }
  std::printf("%s\n", json.dump(2).c_str());
}

}  // namespace

int ProbeVerb(int argc, char** argv) {
  CommonArguments arguments;
  bool as_json = false;
  VerbApp verb("vrapl probe", "Looks for energy counters, exact run time and VMs on this host.", kFooter);
  AddSourceOptions(verb.app(), arguments);
  verb.app().add_option("--connect", arguments.connect, "libvirt's URI (qemu:///system)")->type_name("URI");
  verb.app().add_option("--vms", arguments.vms, "how VMs are found: libvirt, proc (libvirt)")->type_name("NAME");
  verb.app().add_flag("--json", as_json, "the same as JSON");
  if (const std::optional<int> code = verb.Parse(argc, argv)) return *code;
  absl::StatusOr<Backend> backend = ParseBackend(arguments.backend);
  if (!backend.ok()) return Fail(backend.status());
  absl::StatusOr<DaemonOptions::Vms> vms_by = ParseVms(arguments.vms);
  if (!vms_by.ok()) return Fail(vms_by.status());
  StopOnSignals();  // an emulator started for this is ended on every way out
  absl::StatusOr<Host> host = OpenHost(arguments);
  if (!host.ok()) return Fail(host.status());
  const Findings found = Look(arguments, host->root, *backend);
  if (as_json) {
    PrintJson(found);
  } else {
    PrintText(found);
  }
  return found.chosen.empty() ? kExitFailed : kExitDone;
}

}  // namespace vrapl
