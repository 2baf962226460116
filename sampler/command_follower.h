// Knows at any time which threads belong to the command that is measured: by the kernel's word at each fork
// (bpf/fork_log), or, where that is not to be had, by looking through /proc, which misses children that live shorter
// than from one look to the next.
//
// Threads: the flush thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/run_time_method.h"
#include "base/run_time_types.h"
#include "bpf/fork_log.h"
#include "sampler/command_tree.h"

namespace vrapl {

class CommandFollower {
 public:
  // Attaches the fork log where run time is by BPF. `boottime_offset_ns`: as in ThreadFacts.
  CommandFollower(RunTimeMethod method, const std::string& btf, int64_t boottime_offset_ns, std::string proc = "/proc");

  // "": every child is known. Else why short ones may be missed.
  const std::string& why_not_all() const { return why_not_all_; }

  // The command is `pid` from now on.
  void Follow(pid_t pid);

  // Takes in what has happened since the last call. Where forks are not told, looks through /proc.
  void Look();

  // Whether the thread belongs to the command. One that is not known makes us look at what the kernel told meanwhile: a
  // thread's fork is told before it runs, so whoever has run is known.
  bool Owns(const ThreadRun& thread);

  // Processes of the command that were there at the last look through /proc: for a run-time meter that must be told
  // whom to look at. Empty where forks are told.
  const std::vector<pid_t>& processes() const { return processes_; }

  // Forks that nobody told, since the start.
  uint64_t missed_forks() const { return log_ != nullptr ? log_->Dropped() : 0; }

 private:
  void LookThroughProc();

  const std::string proc_;
  const int64_t boottime_offset_ns_;
  std::unique_ptr<ForkLog> log_;
  std::string why_not_all_;
  CommandTree tree_;
  pid_t root_ = 0;
  std::vector<pid_t> processes_;
};

}  // namespace vrapl
