// CPU time of this guest and of its processes. Threads: any.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace vrapl {

// CPU time that all CPUs together have been busy since boot: time that passed, less idle, waiting for devices, and
// stolen. In nanoseconds, in steps of a tick of USER_HZ (10 ms); -1 when /proc/stat cannot be read. `now_ns` is
// CLOCK_MONOTONIC.
//
// By what was not idle, because the kernel counts idle time to the nanosecond and samples user and system time.
// Source: fs/proc/stat.c, get_idle_time(); the fields of "cpu" in proc(5).
struct GuestCpuTime {
  int64_t busy_ns = -1;
  int64_t stolen_ns = 0;  // not busy; some kernels count it as time of who was to run
  int cpus = 0;
};
GuestCpuTime ReadGuestCpuTime(const std::string& root = "");
GuestCpuTime ParseProcStat(std::string_view stat, int64_t now_ns);

// How far a difference of two of these may be off (95 %): each CPU's idle, waiting and stolen time is cut to a tick at
// both ends.
int64_t GuestCpuTimeErrorNs(int cpus);

struct ProcessTime {
  std::string name;
  uint64_t start_ticks = 0;  // since boot: with the pid, who it is
  int64_t cpu_ns = 0;        // of all its threads, ended ones too
};

// All processes now.
std::map<pid_t, ProcessTime> ReadProcesses(const std::string& root = "");
// The content of /proc/PID/stat. False: it is not that.
bool ParseProcessStat(std::string_view stat, ProcessTime& process);

}  // namespace vrapl
