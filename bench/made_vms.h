// VMs made of processes that wake and sleep as lightly loaded ones do, for a sampler to follow.
#pragma once

#include <sys/types.h>

#include <vector>

#include "vm/vm.h"

namespace vrapl {

class MadeVms {
 public:
  struct Options {
    int vms = 16;
    int vcpus = 2;               // of each; beside them one thread that stands for QEMU's main loop
    int vcpu_wakes = 100;        // a second of each, at random: some timers and interrupts of an idle guest
    int vcpu_work_us = 50;       // at each
    int main_loop_wakes = 20;    // a second of each VM
    int main_loop_work_us = 20;  // at each
  };

  // Forks: before the program has threads. The processes end with their parent.
  explicit MadeVms(const Options& options);
  ~MadeVms();
  MadeVms(const MadeVms&) = delete;
  MadeVms& operator=(const MadeVms&) = delete;

  const std::vector<Vm>& vms() const { return vms_; }
  // Nothing of them runs until Continue().
  void Pause() const;
  void Continue() const;

 private:
  std::vector<Vm> vms_;
};

}  // namespace vrapl
