#include "sampler/backend.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/check_moving.h"
#include "base/cpu_model.h"
#include "hwmon/hwmon_reader.h"
#include "msr/rapl_reader.h"
#include "perf/perf_reader.h"
#include "powercap/powercap_reader.h"

namespace vrapl {
namespace {

using Sources = std::vector<std::unique_ptr<EnergySource>>;

absl::StatusOr<Sources> Open(Backend backend, const HostRoot& host_root, const Clock& clock,
                             const BackendOptions& options) {
  switch (backend) {
    case Backend::kMsr:
      return OpenMsrSources(host_root, {.per_core = options.per_core, .clock = &clock, .cpu_table = options.cpu_table});
    case Backend::kPerf:
      return OpenPerfSources(host_root, {.per_core = options.per_core, .clock = &clock, .events = options.perf_events});
    case Backend::kSysfs:
      return OpenPowercapSources(host_root, clock);
    case Backend::kHwmon:
      return OpenHwmonSources(host_root, {.clock = &clock});
    case Backend::kAuto:
      break;
  }
  return absl::InternalError("no single backend");
}

absl::StatusOr<Sources> OpenAndJudge(Backend backend, const HostRoot& host_root, const Clock& clock,
                                     const BackendOptions& options) {
  absl::StatusOr<Sources> sources = Open(backend, host_root, clock, options);
  // What the host's files say, however odd, is no fault of the command line.
  if (absl::IsInvalidArgument(sources.status())) return absl::FailedPreconditionError(sources.status().message());
  if (!sources.ok()) return sources;
  // A hypervisor that emulates the counters refreshes them about once a second.
  const absl::StatusOr<CpuModel> cpu = ReadCpuModel(host_root);
  const absl::Duration for_counters = cpu.ok() && cpu->hypervisor ? kFrozenAfterInVm : kFrozenAfter;
  for (const std::unique_ptr<EnergySource>& source : *sources) {
    absl::Status moving =
        CheckMoving(*source, clock, source->package().power_based ? kFrozenAfterForPower : for_counters);
    if (absl::IsInvalidArgument(moving)) return absl::FailedPreconditionError(moving.message());
    if (!moving.ok()) return moving;
  }
  return sources;
}

// What a run by `backend` owes to the operator's CPU table: the kernel's files need none.
std::string LabelOf(Backend backend, const HostRoot& host_root, const CpuTable& cpu_table) {
  const absl::StatusOr<CpuModel> cpu = ReadCpuModel(host_root);
  return backend == Backend::kMsr && cpu.ok() ? cpu_table.Label(*cpu) : "";
}

}  // namespace

const char* BackendName(Backend backend) {
  switch (backend) {
    case Backend::kAuto:
      return "auto";
    case Backend::kMsr:
      return "msr";
    case Backend::kPerf:
      return "perf";
    case Backend::kSysfs:
      return "sysfs";
    case Backend::kHwmon:
      return "hwmon";
  }
  return "unknown";
}

absl::StatusOr<OpenBackend> OpenEnergySources(Backend backend, const HostRoot& host_root, const Clock& clock,
                                              const BackendOptions& options) {
  if (backend != Backend::kAuto) {
    absl::StatusOr<Sources> sources = OpenAndJudge(backend, host_root, clock, options);
    if (!sources.ok()) return sources.status();
    return OpenBackend{.name = BackendName(backend),
                       .sources = *std::move(sources),
                       .passed_over = {},
                       .cpu_table = LabelOf(backend, host_root, options.cpu_table)};
  }
  std::vector<std::string> passed_over;
  for (const Backend candidate : kBackends) {
    absl::StatusOr<Sources> sources = OpenAndJudge(candidate, host_root, clock, options);
    if (sources.ok()) {
      return OpenBackend{.name = BackendName(candidate),
                         .sources = *std::move(sources),
                         .passed_over = passed_over,
                         .cpu_table = LabelOf(candidate, host_root, options.cpu_table)};
    }
    passed_over.push_back(absl::StrCat(BackendName(candidate), ": ", sources.status().message()));
  }
  return absl::UnavailableError(absl::StrCat("this host offers no energy counter that can be read. ",
                                             absl::StrJoin(passed_over, ". "),
                                             ". See `vrapl probe`, or try --emulate"));
}

}  // namespace vrapl
