// Run time as the rooms pass it on: rows of threads, and what a CPU's time was spent on.
#pragma once

#include <cstdint>

namespace vrapl {

inline constexpr int32_t kAllCores = -1;

// Run time of one thread in one window, on all CPUs of the package together; or on one physical core, where run time
// is told by core.
//
// A thread is known by (tid, tgid, start_ns): the kernel uses numbers again, but not in one clock tick of boot time.
struct ThreadRun {
  uint32_t tid = 0;
  uint32_t tgid = 0;
  uint32_t task_flags = 0;  // kTaskKernelThread or 0
  uint32_t number = 0;      // in a replay: which of the recorded threads it is; else 0
  uint64_t start_ns = 0;    // when it was started, CLOCK_BOOTTIME of the host; 0: not known
  int64_t run_ns = 0;
  // Of run_ns, what it had its physical core to itself, and what an SMT sibling ran something beside it. What is left
  // over is time in which nobody knows what the sibling did.
  int64_t solo_ns = 0;
  int64_t shared_ns = 0;
  // Which of the package's cores that count energy it ran on: 0 is the first RaplDomain::kCore among its domains. A
  // thread that ran on two is there twice. kAllCores: run time is not told by core, or the core counts none.
  int32_t core = kAllCores;
};
inline constexpr uint32_t kTaskKernelThread = 0x00200000;  // PF_KTHREAD, Linux include/linux/sched.h

// What one CPU's time was spent on.
struct CpuTime {
  int64_t idle_ns = 0;
  int64_t run_ns = 0;         // threads, summed
  int64_t irq_ns = 0;         // interrupts and softirqs, where the kernel tells them apart (CONFIG_IRQ_TIME_ACCOUNTING)
  int64_t stolen_ns = 0;      // the clock went on but nothing of ours ran: the hypervisor below us
  int64_t unreported_ns = 0;  // the kernel did not say who ran, the log overran, or nothing has been seen yet
  int64_t total_ns() const { return idle_ns + run_ns + irq_ns + stolen_ns + unreported_ns; }
  CpuTime& operator+=(const CpuTime& other) {
    idle_ns += other.idle_ns;
    run_ns += other.run_ns;
    irq_ns += other.irq_ns;
    stolen_ns += other.stolen_ns;
    unreported_ns += other.unreported_ns;
    return *this;
  }
};

// A logical CPU and the physical core it is a thread of. CPUs of the same `core` are SMT siblings.
struct CpuOnCore {
  int cpu = 0;
  int core = 0;      // the lowest CPU of the core
  int core_id = -1;  // the kernel's; -1: the topology does not have the CPU
  friend bool operator==(const CpuOnCore&, const CpuOnCore&) = default;
};

}  // namespace vrapl
