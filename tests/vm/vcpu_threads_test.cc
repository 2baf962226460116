#include "vm/vcpu_threads.h"

#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <latch>
#include <thread>

#include "tests/status_matchers.h"
#include "tests/vm/fake_proc.h"

namespace vrapl {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(VcpuThreadsTest, NamesOfThreads) {
  EXPECT_EQ(VcpuIndexOfThread("CPU 0/KVM"), 0);
  EXPECT_EQ(VcpuIndexOfThread("CPU 17/KVM"), 17);
  EXPECT_EQ(VcpuIndexOfThread("CPU 1023/TCG"), 1023);
  EXPECT_EQ(VcpuIndexOfThread("ALL CPUs/TCG"), 0);
  for (const char* other :
       {"qemu-system-x86", "IO iothread1", "IO mon_iothread", "worker", "vhost-4242", "CPU /KVM", "CPU x/KVM", "CPU 1",
        "CPU -1/KVM", "CPU +1/KVM", "CPU 0/", "CPU 99999999999", "", "kvm-pit/42"}) {
    EXPECT_EQ(VcpuIndexOfThread(other), std::nullopt) << other;
  }
}

TEST(VcpuThreadsTest, SortsByIndexAndNotByTid) {
  FakeProc proc;
  proc.AddProcess(100, {"qemu-system-x86_64"}, "");
  proc.AddThread(100, 109, "CPU 0/KVM");
  proc.AddThread(100, 108, "CPU 10/KVM");
  proc.AddThread(100, 1001, "CPU 2/KVM");
  proc.AddThread(100, 110, "vhost-100");
  std::filesystem::create_directories(proc.root() + "/100/task/111");  // a thread that has just ended has no comm
  EXPECT_THAT(FindVcpuThreads(proc.root(), 100), IsOkAndHolds(ElementsAre(Vcpu{0, 109}, Vcpu{2, 1001}, Vcpu{10, 108})));
  EXPECT_THAT(FindVcpuThreads(proc.root(), 101), StatusIs(absl::StatusCode::kNotFound));
}

TEST(VcpuThreadsTest, FindsThreadsOfARealProcess) {
  EXPECT_THAT(FindVcpuThreads("/proc", ::getpid()), IsOkAndHolds(IsEmpty()));
  pid_t tids[2] = {};
  std::latch named(2);
  std::latch looked(1);
  std::vector<std::jthread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&, i] {
      ::prctl(PR_SET_NAME, absl::StrCat("CPU ", i, "/KVM").c_str());
      tids[i] = static_cast<pid_t>(::syscall(SYS_gettid));
      named.count_down();
      looked.wait();
    });
  }
  named.wait();
  const absl::StatusOr<std::vector<Vcpu>> vcpus = FindVcpuThreads("/proc", ::getpid());
  looked.count_down();
  EXPECT_THAT(vcpus, IsOkAndHolds(ElementsAre(Vcpu{0, tids[0]}, Vcpu{1, tids[1]})));
}

}  // namespace
}  // namespace vrapl
