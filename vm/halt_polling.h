// How long KVM polled for a halted vCPU. Before it lets a vCPU's thread sleep, KVM waits on the CPU for up to
// halt_poll_ns (200 us) whether the vCPU wakes up at once. That time is part of the thread's run time and costs energy,
// though the guest did nothing in it; only KVM can tell it apart.
//
// Source: Linux Documentation/virt/kvm/halt-polling.rst; virt/kvm/kvm_main.c, kvm_create_vm_debugfs(): one directory
// "PID-FD" for each VM, whose files sum over its vCPUs. The two files came with Linux 5.8.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace vrapl {

class HaltPolling {
 public:
  // `directory` is KVM's in debugfs, or a copy of it in a test.
  explicit HaltPolling(std::string directory = "/sys/kernel/debug/kvm") : directory_(std::move(directory)) {}

  // Reads the figures of all VMs. Without debugfs, the right to read it (root; not under kernel lockdown) or KVM there
  // are none.
  void Look();

  // As of the last Look(): nanoseconds that KVM polled for the vCPUs of this process since it made its VM, in vain or
  // not. Wall time: a poll that lost its CPU counts on. nullopt where the kernel does not tell.
  std::optional<int64_t> TotalNs(pid_t pid) const;

 private:
  const std::string directory_;
  std::map<pid_t, int64_t> total_ns_;
};

}  // namespace vrapl
