// The part of a VM that a thread is, by its name. Pure.
//
//   vcpuN     runs a vCPU: "CPU 2/KVM"
//   io        an iothread of -object iothread: "IO iothread1"
//   worker    does a device's I/O for another thread: QEMU's thread pool ("worker"), io_uring's workers in the process
//             ("iou-wrk-4711", "iou-sqp-4711")
//   vhost     the kernel's part of a virtio device: "vhost-4711"
//   kvm       the kernel's own threads for a VM: "kvm-pit/4711", "kvm-nx-lpage-recovery-4711"
//   emulator  QEMU's other threads: main loop, monitor, migration, VNC, RCU
//   helper    another process in the VM's cgroup (vm/vm_cgroup.h); not by name
//
// Sources of the names: QEMU accel/kvm/kvm-accel-ops.c, iothread.c, util/thread-pool.c; Linux drivers/vhost/vhost.c,
// arch/x86/kvm/i8254.c, arch/x86/kvm/mmu/mmu.c, io_uring/io-wq.c. Threads of vhost are in QEMU's process since
// Linux 6.4, those of the huge page recovery since 6.13; before, and the PIT's always, they are kernel threads with the
// process's number in their name. Workers of io_uring were kernel threads without one before 5.12: they are no VM's.
#pragma once

#include <sys/types.h>

#include <string>

#include "absl/strings/string_view.h"

namespace vrapl {

// Of a thread in QEMU's process.
std::string PartOfThread(absl::string_view comm);

// Of a kernel thread that works for a VM: its part and the process in its name.
struct KernelWorker {
  std::string part;  // "": it is none
  pid_t owner = 0;   // 0: not in the name, which older kernels cut off after 15 characters
};
KernelWorker KernelWorkerOfName(absl::string_view comm);

}  // namespace vrapl
