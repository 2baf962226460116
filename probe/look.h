// Looks at a host for `vrapl probe`: energy sources and how often they are updated, what limits them, VMs. Nothing is
// changed on the host.
#pragma once

#include <functional>
#include <string>

#include "absl/strings/string_view.h"
#include "base/host_root.h"
#include "msr/cpu_table.h"
#include "probe/findings.h"
#include "probe/system.h"
#include "probe/updates.h"
#include "sampler/backend.h"

namespace vrapl {

struct LookOptions {
  Backend backend = Backend::kAuto;  // only this source is looked at, or all
  BackendOptions reading;            // as a run would read
  UpdateOptions updates;
  std::function<void(absl::string_view step)>
      on_step;  // what is being looked at now, for the one who waits; may be null
};

struct VmOptions {
  bool by_proc = false;  // else libvirt is asked
  std::string connect = "qemu:///system";
};

// The hardware below `root`, judged together with what `system` allows. 0.3 s for each package and usable source; in a
// virtual machine up to 3 s for a counter that stands still. Has no error of its own: what cannot be looked at says so
// in its place in the findings. Threads: one at a time.
ProbeFindings Look(const HostRoot& root, const SystemState& system, const LookOptions& options = {});

// Adds this machine's VMs.
void LookForVms(const VmOptions& options, ProbeFindings& found);

}  // namespace vrapl
