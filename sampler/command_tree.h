// Which threads belong to a command: its own, and those of every process that it or its descendants made. Pure: told of
// forks, asked about threads.
//
// A child belongs to the command if the thread that made it does. Numbers are used again, so a thread is known by its
// number and its start, and each fork says whose a number is from now on.
#pragma once

#include <cstdint>

#include "absl/container/flat_hash_map.h"
#include "base/run_time_types.h"
#include "bpf/fork_log_format.h"

namespace vrapl {

class CommandTree {
 public:
  // From now on the command is the process `pid`, and what was known is forgotten. `start_ns`: CLOCK_BOOTTIME of its
  // start, 0: not known yet, its fork event may tell.
  void SetRoot(uint32_t pid, uint64_t start_ns = 0);

  // In the order in which they happened.
  void OnFork(const fork_event& event);

  // A process, seen in /proc to have been made by one of the tree; all its threads belong. `start_ns` cut off to clock
  // ticks. Where there are no fork events.
  void AddProcess(uint32_t pid, uint64_t start_ns) { owned_[pid] = start_ns; }

  // Threads that the kernel makes inside of a process (io_uring's and vhost's workers) have no fork event: they belong
  // to the process.
  bool Owns(const ThreadRun& thread) const;

  // Threads known to belong, gone ones whose number nobody has got since among them.
  size_t size() const { return owned_.size(); }

 private:
  bool IsOwned(uint32_t tid, uint64_t start_ns) const;

  uint32_t root_ = 0;
  absl::flat_hash_map<uint32_t, uint64_t> owned_;  // tid to start; by number, so it cannot outgrow PID_MAX_LIMIT
};

}  // namespace vrapl
