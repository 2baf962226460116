// What RowTable asks about threads and processes: from /proc in the program, made up in tests.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "base/run_time_types.h"

namespace vrapl {

// A function that is not set knows nothing. Threads: the flush thread.
struct ThreadFacts {
  // The thread's comm; "" when it is gone.
  std::function<std::string(uint32_t tgid, uint32_t tid)> name;
  // When the process that has this number now was started: field 22 of /proc/PID/stat, clock ticks.
  std::function<std::optional<uint64_t>(pid_t pid)> process_start;
  // The text of /proc/PID/cgroup; "" when the process is gone.
  std::function<std::string(pid_t pid)> cgroup;
  // Whether the thread belongs to the command that is measured, or to what that has started. Not set: there is none.
  std::function<bool(const ThreadRun& thread)> of_command = nullptr;
  // CLOCK_BOOTTIME of the host, the clock of ThreadRun::start_ns.
  std::function<int64_t()> boottime_ns;
  // What our time namespace adds to the host's CLOCK_BOOTTIME, and so to field 22 as we read it. Run time knows the
  // host's clock alone. 0 outside of time namespaces.
  int64_t boottime_offset_ns = 0;
};

ThreadFacts ThreadFactsFromProc(const std::string& proc = "/proc");

// The offset of CLOCK_BOOTTIME in the text of /proc/self/timens_offsets, "boottime SECONDS NANOSECONDS"; 0 without one.
int64_t ParseBoottimeOffset(absl::string_view timens_offsets);

}  // namespace vrapl
