// Interrupts as a row of their own, where the kernel keeps account of them, under a load of softirqs.
#include <arpa/inet.h>
#include <bpf/btf.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "base/clock.h"
#include "base/host_root.h"
#include "base/posix.h"
#include "base/topology.h"
#include "bpf/run_time_reader.h"
#include "tests/requirements.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

// Whether the kernel was built with CONFIG_IRQ_TIME_ACCOUNTING: then its run queues have rq->prev_irq_time.
bool KernelAccountsForInterrupts() {
  btf* types = btf__load_vmlinux_btf();
  if (types == nullptr) return false;
  const int id = btf__find_by_name_kind(types, "rq", BTF_KIND_STRUCT);
  bool found = false;
  if (id > 0) {
    const btf_type* rq = btf__type_by_id(types, static_cast<uint32_t>(id));
    const btf_member* members = btf_members(rq);
    for (uint32_t i = 0; i < btf_vlen(rq); ++i) {
      found = found || std::string(btf__name_by_offset(types, members[i].name_off)) == "prev_irq_time";
    }
  }
  btf__free(types);
  return found;
}

// irq + softirq of all CPUs by the kernel's own count, in steps of 10 ms.
int64_t KernelInterruptNs() {
  const absl::StatusOr<std::string> stat = ReadSmallFile("/proc/stat");
  if (!stat.ok()) return -1;
  const std::vector<std::string> fields = absl::StrSplit(*stat, ' ', absl::SkipEmpty());  // cpu user nice system ...
  int64_t irq = 0;
  int64_t softirq = 0;
  if (!absl::SimpleAtoi(fields[6], &irq) || !absl::SimpleAtoi(fields[7], &softirq)) return -1;
  return (irq + softirq) * (kNanosPerSecond / ::sysconf(_SC_CLK_TCK));
}

// Datagrams to itself over loopback: each is received in a softirq of the sender's CPU.
void SendToOneself(const std::atomic<bool>& stop) {
  const UniqueFd receiver(::socket(AF_INET, SOCK_DGRAM, 0));
  const UniqueFd sender(::socket(AF_INET, SOCK_DGRAM, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const to = reinterpret_cast<sockaddr*>(&address);
  ASSERT_EQ(::bind(receiver.get(), to, size), 0);
  ASSERT_EQ(::getsockname(receiver.get(), to, &size), 0);
  char data[1024] = {};
  while (!stop) {
    ASSERT_EQ(::sendto(sender.get(), data, sizeof data, 0, to, size), static_cast<ssize_t>(sizeof data))
        << "is the loopback interface up?";
    while (::recv(receiver.get(), data, sizeof data, MSG_DONTWAIT) > 0) {
    }
  }
}

TEST(InterruptsTest, AreARowOfTheirOwnWhereTheKernelKeepsAccount) {
  VRAPL_NEEDS("kernel");
  const absl::StatusOr<std::vector<int>> cpus = ReadOnlineCpus(HostRoot());
  ASSERT_THAT(cpus, IsOk());
  absl::StatusOr<std::unique_ptr<SwitchLog>> log = SwitchLog::Attach();
  ASSERT_THAT(log, IsOk());
  (*log)->Prime(*cpus);

  std::atomic<bool> stop = false;
  std::thread load([&] { SendToOneself(stop); });
  const int64_t start_ns = MonotonicNs();
  RunTimeReader reader(**log, *cpus, start_ns);
  RunTimeWindow window;
  reader.Read(start_ns, window);
  const int64_t kernel_before_ns = KernelInterruptNs();
  int64_t t_ns = start_ns;
  for (int i = 0; i < 1500; ++i) {
    RealClock().SleepUntil(start_ns + (i + 1) * kNanosPerMilli);
    const int64_t last_ns = std::exchange(t_ns, MonotonicNs());
    window.Clear();
    reader.Read(t_ns, window);
    ASSERT_EQ(window.time().total_ns(), static_cast<int64_t>(cpus->size()) * (t_ns - last_ns));
  }
  const int64_t kernel_ns = KernelInterruptNs() - kernel_before_ns;
  stop = true;
  load.join();

  const CpuTime total = reader.total();
  const bool accounts = KernelAccountsForInterrupts();
  std::printf("this kernel %s for interrupts: log %.6f s, kernel %.2f s, of %.6f s; stolen %.6f s, unreported %.6f s\n",
              accounts ? "accounts" : "does not account", 1e-9 * total.irq_ns, 1e-9 * kernel_ns,
              1e-9 * total.total_ns(), 1e-9 * total.stolen_ns, 1e-9 * total.unreported_ns);
  if (!accounts) {
    EXPECT_EQ(total.irq_ns, 0) << "where the kernel tells nothing, nothing is made up";
    return;
  }
  EXPECT_GT(total.irq_ns, 0);
  // The kernel rounds each of the two to 10 ms on each CPU and settles them at ticks; interrupts of time that is
  // unreported are not told apart.
  const double tolerance_ns = 0.05 * static_cast<double>(kernel_ns) + 40e6 * static_cast<double>(cpus->size());
  EXPECT_NEAR(static_cast<double>(total.irq_ns), static_cast<double>(kernel_ns),
              tolerance_ns + static_cast<double>(total.unreported_ns));
}

}  // namespace
}  // namespace vrapl
