#include "probe/text.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "vm/port_choice.h"

namespace vrapl {

std::string PortText(const GuestPort& port) {
  const bool channel = port.kind == GuestPort::Kind::kVirtioChannel;
  const std::string device = channel ? absl::StrCat("channel ", port.name) : absl::StrCat("ttyS", port.isa_port);
  static constexpr const char* kTransports[] = {"unix", "pty", "tcp", "other"};
  return absl::StrCat(device, " (", kTransports[static_cast<int>(port.transport)], " ", port.path, ")");
}

std::string ToText(const ProbeFindings& found) {
  std::string text;
  if (found.emulated)
    absl::StrAppendFormat(&text, "EMULATED HARDWARE: what follows about energy is not this machine\n");
  absl::StrAppendFormat(&text, "cpu       %s%s\n",
                        found.cpu.ok() ? DescribeCpu(*found.cpu) : std::string(found.cpu.status().message()),
                        found.cpu.ok() && found.cpu->hypervisor ? ", in a virtual machine" : "");
  for (const SourceFindings& source : found.sources) {
    if (source.usable.ok()) {
      absl::StrAppendFormat(&text, "%-9s usable%s\n", source.name, source.name == found.chosen ? ", chosen" : "");
    } else {
      absl::StrAppendFormat(&text, "%-9s NO: %s\n", source.name, source.usable.message());
    }
    for (const PackageProbe& package : source.packages) {
      absl::StrAppendFormat(&text, "  package %d%s on CPUs %s, read on CPU %d%s\n", package.package_id,
                            package.die_id > 0 ? absl::StrCat(" die ", package.die_id) : "",
                            absl::StrJoin(package.cpus, ","), package.reader_cpu,
                            package.note.empty() ? "" : "; " + package.note);
      for (const DomainProbe& domain : package.domains) {
        if (domain.present) {
          const Joules range = EnergyTicks{domain.wrap_ticks} * domain.unit;
          absl::StrAppendFormat(&text, "    %-8s unit %.4g uJ, wraps at %.0f J (%.0f s at 200 W), %s\n",
                                DomainName(domain.id), domain.unit.joules_per_tick * 1e6, range.value,
                                range.value / 200, domain.origin);
        } else {
          absl::StrAppendFormat(&text, "    %-8s no: %s\n", DomainName(domain.id), domain.why);
        }
      }
    }
  }
  absl::StrAppendFormat(
      &text, "run time  %s\n",
      found.run_time.ok() ? "exact, by BPF at sched_switch" : absl::StrCat("NO: ", found.run_time.message()));
  if (!found.vms_status.ok()) {
    absl::StrAppendFormat(&text, "VMs       NO: %s\n", found.vms_status.message());
  } else {
    absl::StrAppendFormat(&text, "VMs       %d running, by %s\n", found.vms.size(), found.vms_by);
  }
  for (const Vm& vm : found.vms) {
    absl::StrAppendFormat(&text, "  %s  uuid %s, PID %d, %d vCPUs\n", vm.name, vm.uuid, vm.pid, vm.vcpus.size());
    for (const GuestPort& port : vm.ports) absl::StrAppendFormat(&text, "    %s\n", PortText(port));
    if (ChoosePorts(vm, {}).ports.empty()) {
      absl::StrAppendFormat(&text, "    no channel %s: name a serial port with `vrapl serve --serial-port=N`\n",
                            kPowerChannelName);
    }
  }
  absl::StrAppendFormat(&text, "%s\n",
                        found.chosen.empty()
                            ? "energy cannot be measured here; `vrapl sample --emulate` shows an emulated host"
                            : absl::StrCat("energy can be measured, by ", found.chosen));
  return text;
}

}  // namespace vrapl
