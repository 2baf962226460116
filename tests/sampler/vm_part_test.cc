#include "sampler/vm_part.h"

#include <gtest/gtest.h>

namespace vrapl {
namespace {

TEST(PartOfThreadTest, FollowsTheThreadsName) {
  EXPECT_EQ(PartOfThread("CPU 0/KVM"), "vcpu0");
  EXPECT_EQ(PartOfThread("CPU 17/TCG"), "vcpu17");
  EXPECT_EQ(PartOfThread("IO iothread1"), "io");
  EXPECT_EQ(PartOfThread("IO disk0"), "io") << "an iothread has the name that its -object has";
  EXPECT_EQ(PartOfThread("IO mon_iothread"), "emulator") << "the monitor's own";
  EXPECT_EQ(PartOfThread("vhost-4711"), "vhost");
  EXPECT_EQ(PartOfThread("kvm-nx-lpage-re"), "kvm");
  EXPECT_EQ(PartOfThread("worker"), "worker");
  EXPECT_EQ(PartOfThread("iou-wrk-4711"), "worker");
  EXPECT_EQ(PartOfThread("iou-sqp-4711"), "worker");
  EXPECT_EQ(PartOfThread("pool-qemu-syste"), "emulator") << "GLib's pool does no device's I/O";
  EXPECT_EQ(PartOfThread("vnc_worker"), "emulator");
  EXPECT_EQ(PartOfThread("qemu-system-x86"), "emulator");
  EXPECT_EQ(PartOfThread(""), "emulator") << "a thread that is gone before its name was read";
}

struct Named {
  const char* comm;
  const char* part;
  pid_t owner;
};

TEST(KernelWorkerTest, TheNameTellsWhomItWorksFor) {
  for (const Named& named : {Named{"vhost-4711", "vhost", 4711}, Named{"vhost-4194303", "vhost", 4194303},
                             Named{"kvm-pit/4711", "kvm", 4711}, Named{"kvm-pit/4194303", "kvm", 4194303},
                             Named{"kvm-nx-lpage-recovery-4711", "kvm", 4711}, Named{"kvm-nx-lpage-re", "kvm", 0}}) {
    const KernelWorker worker = KernelWorkerOfName(named.comm);
    EXPECT_EQ(worker.part, named.part) << named.comm;
    EXPECT_EQ(worker.owner, named.owner) << named.comm;
  }
}

TEST(KernelWorkerTest, OtherKernelThreadsWorkForNobody) {
  for (const char* comm : {"kworker/0:1", "ksoftirqd/0", "kvm-irqfd-clean", "kvm", "vhost-", "vhost-x", "vhost-12x",
                           "vhost--12", "kvm-pit/", "kvm-pit/x", "kvm-pit/0", "io_wqe_worker-0", ""}) {
    EXPECT_EQ(KernelWorkerOfName(comm).part, "") << comm;
  }
}

}  // namespace
}  // namespace vrapl
