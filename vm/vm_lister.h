// VmLister: who lists the running VMs. Inventory asks libvirt, ProcInventory
// looks at /proc alone.
//
// Discovery is all that depends on it: what is known already is sampled and
// delivered to whether or not a lister answers.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "vm/vm.h"

namespace vrapl {

class VmLister {
 public:
  virtual ~VmLister() = default;

  // "libvirt" or "proc": the word of --vms.
  virtual absl::string_view origin() const = 0;

  // Every running QEMU VM, sorted by name, then pid. May take milliseconds and
  // wait for a daemon: never call it from the sampling or the flush thread.
  // UNAVAILABLE: not now, keep the last list and try again.
  virtual absl::StatusOr<std::vector<Vm>> List() = 0;

  // One line for each VM or port that the last List() met but could not use.
  virtual const std::vector<std::string>& problems() const = 0;

  // Names of VMs that are defined and not running, for messages; empty where
  // that cannot be known.
  virtual std::vector<std::string> DefinedButNotRunning() { return {}; }

  // Waits until VMs may have changed (true) or `timeout` has passed (false).
  // Not everything gives notice, vCPU hot-plug for one: list again every 5 s
  // or so whatever this says.
  virtual bool WaitForChange(absl::Duration timeout) = 0;

  // Makes a WaitForChange() under way, or else the next one, return true.
  // Threads: any.
  virtual void Wake() = 0;
};

// The order of a list, and of everything made from it.
void SortVms(std::vector<Vm>& vms);

}  // namespace vrapl
