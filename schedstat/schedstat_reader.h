// Run time of one package without BPF: what the kernel's own accounts show of given threads, of idle and of stolen
// time. All else is one row, "the rest".
//
// The accounts lag: a thread's is brought up to date when it leaves the CPU and at timer ticks, idle time counts in
// steps of 10 ms. So what a look finds new may be more than the window can hold, or less than it did hold. What is too
// much is kept for the next window; what is too little is the rest's, which makes up for it later by getting nothing
// until the accounts have caught up. So over many windows every row is right to one tick per thread and one step per
// CPU, and every window sums to its CPUs x its length.
//
// Threads: one, the package's reader. Read() does not allocate, lock or wait; it makes one system call per thread and
// one more, with several packages two per thread.
#pragma once

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/types/span.h"
#include "base/run_time_types.h"
#include "schedstat/cpu_accounts.h"
#include "schedstat/thread_finder.h"

namespace vrapl {

// tid and tgid of the rest's row: no process can have it (PID_MAX_LIMIT is 2^22, Linux include/linux/threads.h).
inline constexpr uint32_t kTheRest = 0x7FFFFFFF;

class SchedstatReader {
 public:
  // All outlive this. `every_cpu`: the package is the only one, so all threads run on it.
  SchedstatReader(ThreadReader& threads, CpuAccounts& accounts, absl::Span<const int> cpus, bool every_cpu);

  // Time counts from here on.
  void Start(int64_t start_ns);

  // Tells all CPU time between the last instant and t_ns: each thread that has some by on_thread(), the rest too; the
  // returned total is CPUs x that time, and its run_ns the sum of what was told.
  CpuTime Read(int64_t t_ns, absl::FunctionRef<void(const ThreadRun&)> on_thread);

  // From the last instant on, these are the CPUs. Does not allocate, for CPUs that the machine can have.
  void CoverCpus(absl::Span<const int> cpus);
  int cpu_count() const { return static_cast<int>(cpus_.size()); }

 private:
  bool IsOurs(const KnownThread& thread) const;

  ThreadReader& threads_;
  CpuAccounts& accounts_;
  const bool every_cpu_;
  std::vector<int> cpus_;
  int64_t t_ns_ = 0;
  CpuTime owed_;  // found in the accounts, not yet told: there was no room
};

}  // namespace vrapl
