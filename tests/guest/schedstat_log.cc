#include "tests/guest/schedstat_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/host_root.h"

namespace vrapl {

SchedstatLog::SchedstatLog(const std::vector<pid_t>& pids, int64_t period_ns) {
  for (const pid_t pid : pids) processes_.push_back({.pid = pid});
  thread_ = std::thread([this, period_ns] {
    int64_t next_ns = MonotonicNs();
    for (int64_t n = 0;; ++n) {
      {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (stop_) return;
        for (Process& process : processes_) {
          if (n % 40 == 0) FindThreads(process);
          LookAt(process);
        }
      }
      next_ns = std::max(next_ns + period_ns, MonotonicNs());
      RealClock().SleepUntil(next_ns);
    }
  });
}

SchedstatLog::~SchedstatLog() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
  }
  thread_.join();
}

void SchedstatLog::FindThreads(Process& process) {
  const std::string tasks = absl::StrCat("/proc/", process.pid, "/task");
  const absl::StatusOr<std::vector<std::string>> names = ListDirectory(tasks);
  if (!names.ok()) return;
  for (const std::string& name : *names) {
    pid_t tid = 0;
    if (!absl::SimpleAtoi(name, &tid) || process.threads.count(tid) > 0) continue;
    UniqueFd fd(::open(absl::StrCat(tasks, "/", name, "/schedstat").c_str(), O_RDONLY | O_CLOEXEC));
    if (fd.ok()) process.threads.emplace(tid, Thread{.schedstat = std::move(fd)});
  }
}

void SchedstatLog::LookAt(Process& process) {
  Look look{.before_ns = MonotonicNs()};
  for (auto& [tid, thread] : process.threads) {
    char text[128];
    const ssize_t size = thread.ended ? 0 : ::pread(thread.schedstat.get(), text, sizeof text - 1, 0);
    if (size > 0) {
      text[size] = '\0';
      thread.run_ns = std::max<int64_t>(thread.run_ns, std::strtoll(text, nullptr, 10));
    } else {
      thread.ended = true;
    }
    look.run_ns += thread.run_ns;
  }
  look.after_ns = MonotonicNs();
  process.looks.push_back(look);
}

SchedstatLog::Bounds SchedstatLog::RunNs(pid_t pid, int64_t t_ns) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  Bounds bounds;
  for (const Process& process : processes_) {
    if (process.pid != pid || process.looks.empty()) continue;
    bounds = {.least_ns = process.looks.front().run_ns, .most_ns = process.looks.back().run_ns};
    for (const Look& look : process.looks) {
      if (look.after_ns <= t_ns) bounds.least_ns = look.run_ns;
      if (look.before_ns >= t_ns) {
        bounds.most_ns = look.run_ns;
        break;
      }
    }
  }
  return bounds;
}

}  // namespace vrapl
