#include "probe/sources.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "hwmon/hwmon_reader.h"
#include "msr/rapl_reader.h"
#include "perf/perf_reader.h"
#include "powercap/powercap_reader.h"
#include "probe/system.h"

namespace vrapl {
namespace {

absl::StatusOr<std::vector<PackageProbe>> ProbeRegisters(const HostRoot& root, const BackendOptions& options) {
  absl::StatusOr<MsrProbe> probe = ProbeMsr(root, {.per_core = options.per_core, .cpu_table = options.cpu_table});
  if (!probe.ok()) return probe.status();
  return std::move(probe->packages);
}

// Modules: Linux arch/x86/kernel/msr.c, arch/x86/events/rapl.c, drivers/powercap/intel_rapl_msr.c.
constexpr SourceKind kSources[] = {
    {.backend = Backend::kMsr,
     .name = "msr",
     .what = "the CPU's registers, through /dev/cpu/N/msr",
     .probe = ProbeRegisters,
     .absent_remedy = "sudo modprobe msr"},
    {.backend = Backend::kPerf,
     .name = "perf",
     .what = "the kernel's counts, by perf_event_open",
     .probe = [](const HostRoot& root,
                 const BackendOptions& options) { return ProbePerf(root, {.per_core = options.per_core}); },
     .absent_remedy = "sudo modprobe rapl; a kernel that is older than the CPU may not know it"},
    {.backend = Backend::kSysfs,
     .name = "sysfs",
     .what = "the kernel's powercap files, /sys/class/powercap",
     .probe = [](const HostRoot& root, const BackendOptions&) { return ProbePowercap(root); },
     .absent_remedy = "sudo modprobe intel_rapl_msr; in a container, have /sys/devices/virtual/powercap mounted"},
    {.backend = Backend::kHwmon,
     .name = "hwmon",
     .what = "a sensor of power, integrated over time",
     .probe = [](const HostRoot& root, const BackendOptions&) { return ProbeHwmon(root); },
     .absent_remedy = ""},
};

}  // namespace

absl::Span<const SourceKind> SourceKinds() { return kSources; }

std::string SourceRemedy(const SourceKind& kind, const absl::Status& status, bool in_virtual_machine,
                         absl::string_view program) {
  if (status.ok()) return "";
  if (absl::IsPermissionDenied(status)) {
    return absl::StrCat("run it as root, or: sudo setcap ", kAllCapabilities, "+ep ", program);
  }
  if (in_virtual_machine && *kind.absent_remedy != '\0')
    return "run vrapl on the hypervisor's host; a virtual machine is rarely given energy counters";
  if (absl::IsNotFound(status)) return kind.absent_remedy;
  return "";
}

}  // namespace vrapl
