// The switch log against the oracle, under a load, read as the sampler reads it: how far the two are apart, and which
// of that is out of bounds. docs/run-time.md says what the figures mean.
//
// Costs a thread at real-time priority where that is permitted. Threads: one check at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/run_time_method.h"
#include "base/run_time_types.h"

namespace vrapl {

struct ErrorSpread {
  uint64_t count = 0;
  double p50 = 0;
  double p99 = 0;
  double worst = 0;
};

struct RunTimeCheckReport {
  absl::Status load;  // what the load said: one that cannot run here is told in nothing but this
  RunTimeMethod method = RunTimeMethod::kBpf;
  double seconds = 0;
  int cpus = 0;

  uint64_t threads = 0;         // that ran
  uint64_t threads_hidden = 0;  // of them, such as left a CPU without the kernel telling
  // Log against account, per slice in ns, and per thread relative to the account: threads of 5 ms and more. What the
  // log itself says it does not know (slices around a switch that the kernel did not report) is taken from the account;
  // it is hidden_run_ns in all. A thread that left a CPU unreported has no account to compare: hidden_excess_ns bounds
  // it.
  ErrorSpread slice_ns;
  ErrorSpread thread;
  std::string worst_slice;
  std::string worst_thread;
  // The same less what is known of its causes: what the scheduler did between closing the outgoing thread's account and
  // the switch (the log's rows give it to that thread, the kernel to nobody) and, for threads, late_ns.
  ErrorSpread slice_unexplained_ns;
  ErrorSpread thread_unexplained;
  int64_t late_ns = 0;  // that became known too late for the thread whose it was: see CpuTimeline
  int64_t hidden_run_ns = 0;
  // How far a thread with hidden switches misses more, or has more, than the time that is unreported.
  int64_t hidden_excess_ns = 0;

  CpuTime time;             // of all CPUs
  int64_t residual_ns = 0;  // the largest difference between rows and wall time, of any CPU and window

  uint64_t records = 0;
  uint64_t gaps = 0;
  int64_t unreported_switches = 0;
  uint64_t slices_hidden = 0;       // a switch inside them was not told: not compared
  uint64_t switches_different = 0;  // log and oracle name different threads
  uint64_t log_only = 0;
  uint64_t oracle_only = 0;
  uint64_t lost_records = 0;
  uint64_t recursion_misses = 0;  // of both programs
  uint64_t oracle_drops = 0;
  // The kernel's own count of switches (ctxt in /proc/stat), between reads just inside and just outside the time.
  int64_t ctxt_least = 0;
  int64_t ctxt_most = 0;
};

// What is out of bounds, one line each; none when all is well.
std::vector<std::string> OutOfBounds(const RunTimeCheckReport& report);

struct RunTimeCheckOptions {
  std::optional<RunTimeMethod> method;  // else the best that the kernel takes
};

// Checks while `load` runs, in a thread of its own. What it starts and ends is seen whole.
//
// Errors: those of SwitchLog::Attach() and RunTimeOracle::Attach(), and of reading /sys.
absl::StatusOr<RunTimeCheckReport> CheckRunTime(const std::function<absl::Status()>& load,
                                                const RunTimeCheckOptions& options = {});

}  // namespace vrapl
