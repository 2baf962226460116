// The few numbers of /proc that tell run time without BPF, out of their text. Nothing here allocates.
//
// Threads: any.
#pragma once

#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"

namespace vrapl {

// The first of the three numbers of /proc/PID/task/TID/schedstat: nanoseconds on a CPU since the thread was born. The
// kernel brings it up to date when the thread leaves the CPU and at timer ticks in between.
// Source: Linux Documentation/scheduler/sched-stats.rst, "/proc/<pid>/schedstat".
std::optional<uint64_t> RunNsOfSchedstat(absl::string_view text);

// Of /proc/PID/task/TID/stat. Source: Linux Documentation/filesystems/proc.rst, "Contents of the stat fields".
struct ThreadStat {
  uint64_t start_ticks = 0;  // field 22, since boot, in USER_HZ
  int cpu = 0;               // field 39, the CPU it is on or was on last
};
std::optional<ThreadStat> ParseThreadStat(absl::string_view text);

// One "cpuN" line of /proc/stat, in USER_HZ.
struct CpuStat {
  int cpu = 0;
  uint64_t idle_ticks = 0;    // idle and iowait
  uint64_t irq_ticks = 0;     // irq and softirq
  uint64_t stolen_ticks = 0;  // steal
};
// Takes the next such line from the front of `text`; the line of all CPUs together is passed over. nullopt when there
// is none left, or the rest of it is missing. CPUs that are offline have no line.
std::optional<CpuStat> TakeCpuStat(absl::string_view& text);

}  // namespace vrapl
