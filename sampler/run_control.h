// What a caller may do from inside a run: measure a command, end flushes at given instants.
//
// Threads: the flush thread, in DaemonEvents::on_turn.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "sampler/command_follower.h"
#include "sampler/command_run.h"
#include "sampler/flush_loop.h"
#include "sampler/recorder.h"
#include "sampler/row_table.h"

namespace vrapl {

class RunControl {
 public:
  // All outlive this. `command` is null unless DaemonOptions::measure_command.
  // `recorder`: null where nothing is recorded.
  RunControl(FlushLoop& flush, RowTable& rows, CommandFollower* command, Recorder* recorder)
      : flush_(flush), rows_(rows), command_(command), recorder_(recorder) {}

  int64_t start_ns() const { return flush_.start_ns(); }  // of the run, CLOCK_MONOTONIC
  void EndFlushAt(int64_t t_ns) { flush_.EndFlushAt(t_ns); }

  // From now on the row command is this process, which has not done anything yet, and all that it starts.
  void MeasureCommand(pid_t pid) {
    if (command_ == nullptr) return;
    command_->Follow(pid);
    rows_.LookAgain();  // what an earlier command has left running is not this one's
  }
  // For whoever reads the recording; run.begin_ns and run.end_ns are of CLOCK_MONOTONIC here.
  void TellBegin(const CommandRun& run) {
    if (recorder_ != nullptr) recorder_->AddEvent(run.begin_ns, kRunBeginEvent, RunBeginToJson(run));
  }
  void TellEnd(const CommandRun& run) {
    if (recorder_ != nullptr) recorder_->AddEvent(run.end_ns, kRunEndEvent, RunEndToJson(run));
  }
  uint64_t missed_forks() const { return command_ == nullptr ? 0 : command_->missed_forks(); }

 private:
  FlushLoop& flush_;
  RowTable& rows_;
  CommandFollower* const command_;
  Recorder* const recorder_;
};

}  // namespace vrapl
