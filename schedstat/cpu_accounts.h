// Idle, interrupt and stolen time of a package's CPUs, from the kernel's /proc/stat.
//
// The file counts in steps of 10 ms (USER_HZ): what has passed of a step shows later, up to 10 ms per CPU. Nothing is
// lost by that: a class's time is what its count has moved since it was looked at first.
//
// Threads: one.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "base/posix.h"
#include "base/run_time_types.h"

namespace vrapl {

class CpuAccounts {
 public:
  struct Options {
    std::string proc = "/proc";
    int64_t tick_ns = 10'000'000;  // 1 s / USER_HZ
    int possible_cpus = 1;         // the most that there can ever be
    // The kernel counts interrupts apart from the threads that they interrupt (CONFIG_IRQ_TIME_ACCOUNTING). Where it
    // does not, /proc/stat has a guess by timer ticks, and the same time is in the thread's account already.
    bool irq_apart = false;
    // Threads' accounts leave out stolen time (CONFIG_PARAVIRT_TIME_ACCOUNTING); else it is in them already.
    bool stolen_apart = true;
  };
  explicit CpuAccounts(Options options);

  // From the next look on, these are the CPUs. The first look at a CPU only begins its count. Does not allocate.
  void CoverCpus(absl::Span<const int> cpus);

  // What is new since the last look: idle_ns, irq_ns, stolen_ns; the rest is 0. One system call, no allocation. What
  // cannot be read now is in the next look.
  CpuTime Look();

 private:
  struct Cpu {
    bool ours = false;
    bool known = false;
    uint64_t idle_ticks = 0;
    uint64_t irq_ticks = 0;
    uint64_t stolen_ticks = 0;
  };

  const Options options_;
  UniqueFd file_;
  std::vector<Cpu> cpus_;  // by number
  std::vector<char> text_;
};

}  // namespace vrapl
