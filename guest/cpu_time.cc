#include "guest/cpu_time.h"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <cinttypes>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "guest/posix_text.h"

namespace vrapl {
namespace {

int64_t TickNs() {
  static const int64_t tick_ns = 1'000'000'000 / ::sysconf(_SC_CLK_TCK);
  return tick_ns;
}

}  // namespace

GuestCpuTime ParseProcStat(std::string_view stat, int64_t now_ns) {
  GuestCpuTime time;
  int64_t not_busy_ns = 0;
  for (size_t begin = 0; begin < stat.size();) {
    const size_t end = std::min(stat.find('\n', begin), stat.size());
    const std::string line(stat.substr(begin, end - begin));
    begin = end + 1;
    // "cpu0 USER NICE SYSTEM IDLE IOWAIT IRQ SOFTIRQ STEAL ...": the sum of all, "cpu ", is left aside.
    if (!line.starts_with("cpu") || line.size() < 4 || line[3] == ' ') continue;
    int64_t idle = 0;
    int64_t waiting = 0;
    int64_t stolen = 0;
    if (std::sscanf(line.c_str(), "cpu%*d %*d %*d %*d %" SCNd64 " %" SCNd64 " %*d %*d %" SCNd64, &idle, &waiting,
                    &stolen) != 3) {
      continue;
    }
    not_busy_ns += (idle + waiting + stolen) * TickNs();
    time.stolen_ns += stolen * TickNs();
    ++time.cpus;
  }
  if (time.cpus > 0) time.busy_ns = now_ns * time.cpus - not_busy_ns;
  return time;
}

GuestCpuTime ReadGuestCpuTime(const std::string& root) {
  const std::string stat = ReadSmallFile(root + "/proc/stat");
  return ParseProcStat(stat, MonotonicNowNs());
}

// Three counts per CPU and end, each cut by up to a tick, evenly: standard deviation tick / sqrt(12).
int64_t GuestCpuTimeErrorNs(int cpus) {
  return static_cast<int64_t>(1.96 * static_cast<double>(TickNs()) * std::sqrt(6.0 * cpus / 12.0)) + 1;
}

bool ParseProcessStat(std::string_view stat, ProcessTime& process) {
  // "PID (NAME) S ...", where the name may hold anything.
  const size_t open = stat.find('(');
  const size_t close = stat.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) return false;
  process.name = stat.substr(open + 1, close - open - 1);
  for (char& c : process.name) {
    if (c < 0x20 || c > 0x7e) c = '?';
  }
  const std::string rest(stat.substr(close + 1));
  int64_t user = 0;
  int64_t system = 0;
  // state ppid pgrp session tty tpgid flags minflt cminflt majflt cmajflt utime stime cutime cstime priority nice
  // num_threads itrealvalue starttime
  if (std::sscanf(rest.c_str(),
                  " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNd64 " %" SCNd64
                  " %*d %*d %*d %*d %*d %*d %" SCNu64,
                  &user, &system, &process.start_ticks) != 3) {
    return false;
  }
  process.cpu_ns = (user + system) * TickNs();
  return true;
}

std::map<pid_t, ProcessTime> ReadProcesses(const std::string& root) {
  std::map<pid_t, ProcessTime> processes;
  DIR* const proc = ::opendir((root + "/proc").c_str());
  if (proc == nullptr) return processes;
  while (const dirent* entry = ::readdir(proc)) {
    if (entry->d_name[0] < '1' || entry->d_name[0] > '9') continue;
    ProcessTime process;
    if (ParseProcessStat(ReadSmallFile(root + "/proc/" + entry->d_name + "/stat"), process)) {
      processes.emplace(static_cast<pid_t>(std::atoi(entry->d_name)), std::move(process));
    }
  }
  ::closedir(proc);
  return processes;
}

}  // namespace vrapl
