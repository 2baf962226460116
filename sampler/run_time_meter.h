// How run time comes to be known in a run: by a BPF program at each switch, or by the kernel's own accounts.
//
// One meter serves all packages; each package's sampling loop has a RunTimeSource of it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/run_time_method.h"
#include "sampler/sampling_loop.h"

namespace vrapl {

class RunTimeMeter {
 public:
  virtual ~RunTimeMeter() = default;

  virtual RunTimeMethod method() const = 0;
  virtual int possible_cpus() const = 0;  // a CPU beyond these cannot be measured
  // Samples closer to each other than this tell nothing more.
  virtual int64_t shortest_period_ns() const { return 0; }

  // For one package; outlived by the meter. Before the loops run.
  virtual std::unique_ptr<RunTimeSource> NewSource(std::vector<CpuOnCore> cpus) = 0;

  // The processes whose threads are wanted one by one: those of the VMs. Does not wait. Threads: any.
  virtual void FollowProcesses(const std::vector<pid_t>& /*processes*/) {}

  // Switches since the start that the kernel did not let the program see. One system call. Threads: any.
  virtual uint64_t RecursionMisses() const { return 0; }
  // Threads that cannot be looked at, at the moment. Threads: any.
  virtual uint64_t threads_not_opened() const { return 0; }
};

struct RunTimeOptions {
  std::optional<RunTimeMethod> method;  // none: the best that is to be had
  std::string btf;                      // a file with the kernel's BTF, or ""
  // With schedstat: whose threads beside those of the VMs, this process first; and whether the only package has all
  // CPUs, so that nobody need ask where a thread runs.
  std::vector<pid_t> processes;
  bool every_cpu = false;
};

struct OpenRunTime {
  std::unique_ptr<RunTimeMeter> meter;
  std::string why_no_better;  // with none chosen: why it is schedstat, or one by ktime; else ""
};

// Errors: those of the method that was asked for; with none, when not even schedstat is to be had, both reasons.
absl::StatusOr<OpenRunTime> OpenRunTimeMeter(const RunTimeOptions& options);

// How often the kernel's accounts are looked at. They move at timer ticks, 1 to 10 ms apart, and idle time in steps of
// 10 ms: looking more often costs more and tells nothing.
inline constexpr int64_t kSchedstatPeriodNs = 10 * kNanosPerMilli;

// Whether this kernel keeps accounts of threads (CONFIG_SCHED_INFO). UNIMPLEMENTED: it does not.
absl::Status CheckSchedstat(const std::string& proc = "/proc");

}  // namespace vrapl
