// What a caller may do from inside a run: measure a command, end flushes at given instants.
//
// Threads: the flush thread, in DaemonEvents::on_turn.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "sampler/command_follower.h"
#include "sampler/flush_loop.h"
#include "sampler/row_table.h"

namespace vrapl {

class RunControl {
 public:
  // All outlive this. `command` is null unless DaemonOptions::measure_command.
  RunControl(FlushLoop& flush, RowTable& rows, CommandFollower* command)
      : flush_(flush), rows_(rows), command_(command) {}

  int64_t start_ns() const { return flush_.start_ns(); }  // of the run, CLOCK_MONOTONIC
  void EndFlushAt(int64_t t_ns) { flush_.EndFlushAt(t_ns); }

  // From now on the row command is this process, which has not done anything yet, and all that it starts.
  void MeasureCommand(pid_t pid) {
    if (command_ == nullptr) return;
    command_->Follow(pid);
    rows_.LookAgain();  // what an earlier command has left running is not this one's
  }
  uint64_t missed_forks() const { return command_ == nullptr ? 0 : command_->missed_forks(); }

 private:
  FlushLoop& flush_;
  RowTable& rows_;
  CommandFollower* const command_;
};

}  // namespace vrapl
