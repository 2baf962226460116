// The kernel's own account of what processes ran, looked at all the time: /proc/PID/task/*/schedstat. What run time
// measured by others is compared with.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "base/posix.h"

namespace vrapl {

class SchedstatLog {
 public:
  // Looks at all threads of each of `pids` every `period_ns`, from a thread of its own.
  explicit SchedstatLog(const std::vector<pid_t>& pids, int64_t period_ns = 5'000'000);
  ~SchedstatLog();
  SchedstatLog(const SchedstatLog&) = delete;
  SchedstatLog& operator=(const SchedstatLog&) = delete;

  // What the process had run at t_ns (CLOCK_MONOTONIC): no less than at the last look that ended before, no more than
  // at the first one that began after. The kernel brings the account of a thread that is running up to date at its
  // scheduler ticks only, so it may be one of those (4 ms at 250 Hz) behind.
  struct Bounds {
    int64_t least_ns = 0;
    int64_t most_ns = 0;
    int64_t middle_ns() const { return (least_ns + most_ns) / 2; }
  };
  Bounds RunNs(pid_t pid, int64_t t_ns) const;

 private:
  struct Look {
    int64_t before_ns = 0;
    int64_t after_ns = 0;
    int64_t run_ns = 0;
  };
  struct Thread {
    UniqueFd schedstat;
    int64_t run_ns = 0;  // kept when it has ended: its time was used
    bool ended = false;
  };
  struct Process {
    pid_t pid = 0;
    std::map<pid_t, Thread> threads;
    std::vector<Look> looks;
  };

  void FindThreads(Process& process);
  void LookAt(Process& process);

  std::vector<Process> processes_;
  mutable std::mutex mutex_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace vrapl
