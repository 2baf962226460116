// Looks at a host for `vrapl probe`: energy sources, exact run time, VMs. Nothing is changed on the host.
#pragma once

#include <string>

#include "base/host_root.h"
#include "probe/findings.h"
#include "sampler/backend.h"

namespace vrapl {

struct LookOptions {
  Backend backend = Backend::kAuto;  // only this source is looked at, or all
  bool vms_by_proc = false;          // else libvirt is asked
  std::string connect = "qemu:///system";
};

// Takes some ms, and in a virtual machine up to 3 s for a counter that stands still. Has no error of its own: what
// cannot be looked at says so in its place in the findings. Threads: one at a time.
ProbeFindings Look(const HostRoot& root, const LookOptions& options);

}  // namespace vrapl
