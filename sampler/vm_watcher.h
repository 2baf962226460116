// Keeps the list of running VMs current, in a thread of its own: asking libvirt may take long, and nothing else must
// wait for it. When libvirt goes away the last list stands.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "sampler/flush_loop.h"
#include "sampler/guest_policies.h"
#include "vm/port_choice.h"
#include "vm/vm_lister.h"

namespace vrapl {

// Which ports of which VMs get lines.
struct DeliveryChoice {
  bool deliver = true;
  PortChoice ports;
  std::vector<std::string> only_vms;  // names or uuids; empty: every VM
  GuestPolicies::Options policies;
  struct ByHand {
    std::string vm;
    std::string path;
  };
  std::optional<ByHand> by_hand;  // vrapl VM_NAME SERIAL_PATH: this port of this VM, and no other
};

// Whether the process that runs `vm` is still the one that was listed; by its start time in /proc.
bool SameProcess(const Vm& vm);

class VmWatcher {
 public:
  using StillRuns = std::function<bool(const Vm&)>;
  VmWatcher(std::unique_ptr<VmLister> lister, DeliveryChoice choice, StillRuns still_runs = SameProcess);
  ~VmWatcher();

  // Lists once, now. Fails when the lister cannot answer, or when a VM that was named does not run.
  absl::Status First();

  // Begins to watch. After First().
  void Start();

  // What changed since the last call, if anything. Does not wait. Threads: the flush thread.
  std::optional<FlushLoop::Discovery> Take();

 private:
  absl::Status CheckNamed(const std::vector<Vm>& vms);
  bool Wanted(const Vm& vm) const;  // by those that were named
  std::vector<GuestPolicy> PoliciesOf(const std::vector<Vm>& vms) const;
  void Publish(const std::vector<Vm>& vms, const std::vector<std::string>& news);
  void Watch();

  const std::unique_ptr<VmLister> lister_;
  const DeliveryChoice choice_;
  const GuestPolicies policies_;
  const StillRuns still_runs_;
  std::mutex mutex_;
  std::optional<FlushLoop::Discovery> latest_;
  std::vector<Vm> known_;                    // the last list; First(), then the watching thread
  std::vector<GuestPolicy> policies_known_;  // of `known_`
  std::vector<std::string> standing_;        // problems of the last list: told when they came up, and not again
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

}  // namespace vrapl
