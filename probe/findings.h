// What `vrapl probe` found on a host, as plain data: gathered by Look(), shown by ToText() and ToJson().
//
// Threads: any.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/cpu_model.h"
#include "base/domain_probe.h"
#include "vm/vm.h"

namespace vrapl {

struct SourceFindings {
  std::string name;     // the word of --backend
  absl::Status usable;  // OK: the counters opened and moved
  std::vector<PackageProbe> packages;
};

struct ProbeFindings {
  bool emulated = false;  // the hardware looked at is not this machine's own
  absl::StatusOr<CpuModel> cpu = absl::UnknownError("not looked at");
  std::vector<SourceFindings> sources;
  std::string chosen;  // the source that a run would use; "" when energy cannot be measured
  absl::Status run_time;
  std::string vms_by;
  absl::Status vms_status;
  std::vector<Vm> vms;
};

}  // namespace vrapl
