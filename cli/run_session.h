// The runs of `vrapl run`, one after the other while sampling goes on: pause, prepare, baseline sample, let go, wait,
// first sample after the end. Takes its turns in the flush thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/command_process.h"
#include "cli/run_result.h"
#include "cli/stdout_relay.h"
#include "sampler/mark.h"
#include "sampler/run_control.h"

namespace vrapl {

class RunSession {
 public:
  struct Options {
    std::vector<std::vector<std::string>> commands;  // words of each
    std::vector<std::string> names;                  // of each, for a recording
    std::vector<PlannedRun> plan;
    std::string prepare;   // for /bin/sh, before each run; "": nothing
    int64_t pause_ns = 0;  // between runs
    bool ignore_failure = false;
    const LinePattern* marks_in_stdout = nullptr;
    MarkQueue* marks = nullptr;
    const Inherited* inherited = nullptr;
    std::function<void(const RunResult&)> on_result;  // of each run that is no warm-up
  };
  explicit RunSession(Options options) : options_(std::move(options)) {}

  // As DaemonEvents::on_turn; sets done() when there is nothing more to run.
  int64_t OnTurn(RunControl& control);
  void OnReport(const FlushReport& report);

  const std::atomic<bool>& done() const { return done_; }
  // Of the first run that failed, as a shell has it; 0: none did.
  int exit_code() const { return exit_code_; }
  // Why vrapl itself could not go on; "": it did. A command that cannot start is no such reason.
  const std::string& error() const { return error_; }
  int runs_left_out() const { return static_cast<int>(options_.plan.size() - next_); }
  // Bytes of the commands' stdout that nobody took from us, when a signal ended it.
  int64_t stdout_given_up_bytes() const { return stdout_given_up_bytes_; }
  int runs_begun() const { return runs_begun_; }  // warm-ups too; not those that could not start
  bool interrupted() const { return interrupted_by_ != 0; }
  int interrupted_by() const { return interrupted_by_; }  // the first signal that came; 0: none did

  // A signal came for us. `pass_on`: the command has not got it yet.
  void OnSignal(int number, bool pass_on);

 private:
  enum class State { kNext, kPause, kPrepare, kBaseline, kRunning, kEnded, kClosing };

  void BeginRun(RunControl& control);
  void EndRun();
  CommandRun ThisRun() const;
  void PassMarks();
  bool StdoutIsPassedOn(int64_t now_ns);
  void Give(const FlushReport& report);
  int64_t Fail(const std::string& error);

  const Options options_;
  State state_ = State::kNext;
  size_t next_ = 0;  // in the plan
  int64_t until_ns_ = 0;
  int64_t cut_ns_ = 0;  // a flush is to end here
  bool cut_seen_ = false;
  int64_t run_start_ns_ = 0;  // of the sampling
  int64_t released_ns_ = 0;
  uint64_t missed_before_ = 0;
  int64_t late_ns_ = 0;  // since the start, by the latest report
  int64_t late_before_ns_ = 0;
  std::unique_ptr<CommandProcess> command_;  // or what prepares for it
  MarkQueue relayed_;                        // must outlive the relay
  std::unique_ptr<StdoutRelay> relay_;
  std::optional<RunResult> result_;
  int signals_ = 0;
  int interrupted_by_ = 0;
  int64_t interrupted_ns_ = 0;
  int64_t ended_turn_ns_ = 0;  // when we heard of the command's end
  int runs_begun_ = 0;
  int64_t stdout_given_up_bytes_ = 0;
  std::atomic<bool> done_{false};
  int exit_code_ = 0;
  std::string error_;
};

}  // namespace vrapl
