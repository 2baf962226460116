// Run time as the rooms pass it on: rows of threads, and what a CPU's time was spent on.
#pragma once

#include <cstdint>

namespace vrapl {

// Run time of one thread in one window, on all CPUs of the package together.
struct ThreadRun {
  uint32_t tid = 0;
  uint32_t tgid = 0;
  uint32_t task_flags = 0;  // PF_* of the kernel as last seen; kTaskKernelThread is the one we look at
  uint32_t reserved = 0;
  int64_t run_ns = 0;
};
inline constexpr uint32_t kTaskKernelThread = 0x00200000;  // PF_KTHREAD, Linux include/linux/sched.h

// What one CPU's time was spent on.
struct CpuTime {
  int64_t idle_ns = 0;
  int64_t run_ns = 0;         // threads, summed
  int64_t stolen_ns = 0;      // the clock went on but no thread of ours ran: the hypervisor below us, or interrupts
  int64_t unreported_ns = 0;  // the kernel did not say who ran, the log overran, or nothing has been seen yet
  int64_t total_ns() const { return idle_ns + run_ns + stolen_ns + unreported_ns; }
  CpuTime& operator+=(const CpuTime& other) {
    idle_ns += other.idle_ns;
    run_ns += other.run_ns;
    stolen_ns += other.stolen_ns;
    unreported_ns += other.unreported_ns;
    return *this;
  }
};

}  // namespace vrapl
