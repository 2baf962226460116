#include "cli/run_session.h"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/clock.h"

namespace vrapl {
namespace {

constexpr int64_t kSoonNs = kNanosPerMilli;
// The end of a command is stamped when it comes; it does no harm to hear of it later.
constexpr int64_t kWhileItRunsNs = 20 * kNanosPerMilli;
constexpr int64_t kLastMarksWithinNs = 20 * kNanosPerMilli;
// After a signal, a reader of our stdout that takes nothing is not waited for any longer.
constexpr int64_t kReaderHasNs = 300 * kNanosPerMilli;
constexpr int kPatience = 3;  // so many signals, and the command is killed

}  // namespace

int64_t RunSession::Fail(const std::string& error) {
  error_ = error;
  done_ = true;
  return 0;
}

void RunSession::OnSignal(int number, bool pass_on) {
  if (interrupted_by_ == 0) {
    interrupted_by_ = number;
    interrupted_ns_ = MonotonicNs();
  }
  ++signals_;
  if (command_ == nullptr) return;
  if (state_ == State::kRunning) result_->interrupted = true;
  if (signals_ >= kPatience) {
    command_->Signal(SIGKILL);
  } else if (pass_on) {
    command_->Signal(number);
  }
}

int64_t RunSession::OnTurn(RunControl& control) {
  const int64_t now_ns = MonotonicNs();
  run_start_ns_ = control.start_ns();
  PassMarks();
  switch (state_) {
    case State::kNext:
      if (next_ == options_.plan.size() || interrupted()) {
        done_ = true;
        return now_ns;
      }
      until_ns_ = next_ == 0 ? now_ns : now_ns + options_.pause_ns;
      state_ = State::kPause;
      return now_ns;
    case State::kPause:
      if (interrupted()) {
        state_ = State::kNext;
        return now_ns;
      }
      if (now_ns < until_ns_) return until_ns_;
      if (!options_.prepare.empty()) {
        absl::StatusOr<std::unique_ptr<CommandProcess>> prepare = CommandProcess::Start(
            {"/bin/sh", "-c", options_.prepare}, {.stdout_fd = STDERR_FILENO, .inherited = options_.inherited});
        if (!prepare.ok()) return Fail(std::string(prepare.status().message()));
        command_ = *std::move(prepare);
        command_->Release();
      }
      state_ = State::kPrepare;
      return now_ns;
    case State::kPrepare:
      if (command_ != nullptr && !command_->ended()) return now_ns + kSoonNs;
      if (!interrupted() && command_ != nullptr && command_->end().exit_code != 0) {
        return Fail(absl::StrCat("--prepare failed with ", command_->end().exit_code, ": ", options_.prepare));
      }
      command_.reset();
      if (interrupted()) {
        state_ = State::kNext;
        return now_ns;
      }
      BeginRun(control);
      return now_ns + kSoonNs;
    case State::kBaseline:
      // A signal may have reached the command and not us: a terminal's goes to both, each in its own time.
      if (!interrupted() && command_->ended()) interrupted_by_ = command_->end().signal;
      if (interrupted()) {
        // It has done nothing yet: it is killed and not let go, and is none of the runs.
        command_.reset();
        relay_.reset();
        state_ = State::kNext;
        return now_ns;
      }
      if (!cut_seen_) return now_ns + kSoonNs;
      released_ns_ = command_->Release();
      result_->start_t_ns = released_ns_ - run_start_ns_;
      control.TellBegin(ThisRun());
      state_ = State::kRunning;
      return now_ns + kWhileItRunsNs;
    case State::kRunning:
      if (!command_->ended()) return now_ns + kWhileItRunsNs;
      if (relay_ != nullptr) relay_->EndSoon();
      ended_turn_ns_ = now_ns;
      state_ = State::kEnded;
      // In this turn still: between turns samples are charged, and those after its end are none of its own.
      [[fallthrough]];
    case State::kEnded:
      // What it wrote last may be a mark yet. The first sample after its end does not wait for a reader that is slow.
      if (!StdoutIsPassedOn(now_ns) && now_ns - ended_turn_ns_ < kLastMarksWithinNs) return now_ns + kSoonNs;
      PassMarks();
      cut_ns_ = command_->end().t_ns;
      control.EndFlushAt(cut_ns_);
      control.TellEnd(ThisRun());
      cut_seen_ = false;
      result_->missed_forks = control.missed_forks() - missed_before_;
      state_ = State::kClosing;
      return now_ns + kSoonNs;
    case State::kClosing:
      if (!cut_seen_ || !StdoutIsPassedOn(now_ns)) return now_ns + kSoonNs;
      PassMarks();
      EndRun();
      return now_ns;
  }
  return now_ns;
}

void RunSession::BeginRun(RunControl& control) {
  const PlannedRun& plan = options_.plan[next_];
  if (options_.marks_in_stdout != nullptr) {
    absl::StatusOr<std::unique_ptr<StdoutRelay>> relay =
        StdoutRelay::Start(*options_.marks_in_stdout, relayed_, STDOUT_FILENO);
    if (!relay.ok()) {
      Fail(std::string(relay.status().message()));
      return;
    }
    relay_ = *std::move(relay);
  }
  absl::StatusOr<std::unique_ptr<CommandProcess>> command = CommandProcess::Start(
      options_.commands[static_cast<size_t>(plan.command)],
      {.stdout_fd = relay_ != nullptr ? relay_->write_fd() : -1, .inherited = options_.inherited});
  if (relay_ != nullptr) relay_->CloseWriteEnd();
  if (!command.ok()) {
    Fail(std::string(command.status().message()));
    return;
  }
  command_ = *std::move(command);
  control.MeasureCommand(command_->pid());
  missed_before_ = control.missed_forks();
  result_ = RunResult{.plan = plan};
  cut_ns_ = MonotonicNs();
  control.EndFlushAt(cut_ns_);
  cut_seen_ = false;
  state_ = State::kBaseline;
}

// A reader that does not read is waited for, as the command itself would, until a signal says that it shall end.
bool RunSession::StdoutIsPassedOn(int64_t now_ns) {
  if (relay_ == nullptr || relay_->done()) return true;
  if (interrupted() && now_ns - std::max(ended_turn_ns_, interrupted_ns_) > kReaderHasNs) relay_->GiveUp();
  return false;
}

// What the command wrote in its last moments is read after its end, and is its own all the same.
void RunSession::PassMarks() {
  for (Mark& mark : relayed_.Take()) {
    if (command_ != nullptr && command_->ended()) mark.t_ns = std::min(mark.t_ns, command_->end().t_ns - 1);
    options_.marks->Push(std::move(mark));
  }
}

// As a recording tells of it, at the instant at which its samples begin or end.
CommandRun RunSession::ThisRun() const {
  const PlannedRun& plan = options_.plan[next_];
  CommandRun run{.begin_ns = cut_ns_,
                 .end_ns = cut_ns_,
                 .command_index = plan.command,
                 .repetition = plan.repetition,
                 .warmup = plan.warmup,
                 .command = options_.names[static_cast<size_t>(plan.command)]};
  if (command_->ended()) {
    run.exit_code = command_->end().exit_code;
    run.signal = command_->end().signal;
  }
  return run;
}

void RunSession::OnReport(const FlushReport& report) {
  const bool reached = run_start_ns_ + report.t_ns >= cut_ns_;
  late_ns_ = 0;
  for (const SamplerReport& sampler : report.samplers) late_ns_ += sampler.late_run_time_ns;
  switch (state_) {
    case State::kBaseline:
      if (cut_seen_) {
        Give(report);
      } else if (reached) {
        cut_seen_ = true;
        late_before_ns_ = late_ns_;
      }
      return;
    case State::kRunning:
    case State::kEnded:
      Give(report);
      return;
    case State::kClosing:
      if (!cut_seen_) Give(report);
      cut_seen_ |= reached;
      return;
    default:
      return;
  }
}

void RunSession::Give(const FlushReport& report) {
  result_->whole.Add(report);
  if (!result_->phases.empty()) result_->phases.back().Add(report);
  for (const Mark& mark : report.marks) {
    if (run_start_ns_ + mark.t_ns < released_ns_ || released_ns_ == 0) continue;
    // What came before the first mark is a phase without a name.
    if (result_->phases.empty()) result_->phases.push_back(result_->whole);
    result_->phases.push_back({.label = mark.label, .start_t_ns = report.t_ns});
  }
}

void RunSession::EndRun() {
  result_->end = command_->end();
  if (result_->end.error.empty()) ++runs_begun_;
  result_->wall_ns = result_->end.t_ns - released_ns_;
  result_->late_run_time_ns = late_ns_ - late_before_ns_;
  released_ns_ = 0;
  command_.reset();
  if (relay_ != nullptr) stdout_given_up_bytes_ += relay_->given_up_bytes();
  relay_.reset();
  ++next_;
  state_ = State::kNext;
  if (!result_->plan.warmup || !result_->end.error.empty()) options_.on_result(*result_);
  if (result_->end.exit_code == 0) return;
  if (exit_code_ == 0) exit_code_ = result_->end.exit_code;
  // One that cannot start will not start the next time either.
  if (!options_.ignore_failure || !result_->end.error.empty()) done_ = true;
}

}  // namespace vrapl
