// Events that every Linux counts, also in a virtual machine: they stand for the PMU that this machine may not have.
//
//   VRAPL_NEEDS_PERF_EVENTS();   first line of a test
#pragma once

#include <gtest/gtest.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <vector>

#include "base/posix.h"
#include "perf/perf_event.h"
#include "tests/requirements.h"

namespace vrapl {

inline constexpr PerfEvent kCpuClock{.type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_CPU_CLOCK};    // ns
inline constexpr PerfEvent kTaskClock{.type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_TASK_CLOCK};  // ns
inline constexpr PerfEvent kPageFaults{.type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_PAGE_FAULTS};
inline constexpr PerfEvent kNothing{.type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_DUMMY};  // stays 0

// CPUs that this test may run on, ascending.
inline std::vector<int> AllowedCpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  ::sched_getaffinity(0, sizeof set, &set);
  std::vector<int> cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(static_cast<size_t>(cpu), &set)) cpus.push_back(cpu);
  }
  return cpus;
}

inline void RunOn(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<size_t>(cpu), &set);
  ASSERT_EQ(::sched_setaffinity(0, sizeof set, &set), 0);
}

// Makes at least `pages` page faults on the CPU that it runs on.
inline void Fault(size_t pages) {
  const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  void* memory = ::mmap(nullptr, pages * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  ::madvise(memory, pages * page, MADV_NOHUGEPAGE);
  for (size_t i = 0; i < pages; ++i) static_cast<volatile char*>(memory)[i * page] = 1;
  ::munmap(memory, pages * page);
}

// "" where this test may count events of a whole CPU.
inline std::string WhyNoPerfEvents() {
  const UniqueFd fd(KernelPerfEvents().Open(GroupAttr(kCpuClock, /*leader=*/true), AllowedCpus().front(), -1));
  return fd.ok() ? "" : "perf_event_open of a whole CPU is not permitted here";
}

}  // namespace vrapl

#define VRAPL_NEEDS_PERF_EVENTS()                                                               \
  do {                                                                                          \
    if (const std::string why = ::vrapl::WhyNoPerfEvents(); !why.empty()) {                     \
      if (::vrapl::Required("perf")) FAIL() << "VRAPL_REQUIRE asks for \"perf\", but: " << why; \
      GTEST_SKIP() << why;                                                                      \
    }                                                                                           \
  } while (false)
