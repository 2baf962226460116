// run: a command again and again between two lines.
#include <poll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "guest/cpu_time.h"
#include "guest/joules_per_run.h"
#include "guest/verbs.h"

namespace vrapl {
namespace {

constexpr int kOwnFailure = 125;

int64_t ChildrenNs() {
  rusage usage{};
  ::getrusage(RUSAGE_CHILDREN, &usage);
  return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * int64_t{1'000'000'000} +
         (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * int64_t{1000};
}

class Runner {
 public:
  explicit Runner(const GuestOptions& options) : options_(options), source_(SourceOf(options)) {
    // SIGINT and SIGQUIT are the command's: it ends by them, and with it this program.
    for (const int signal : {SIGCHLD, SIGINT, SIGQUIT}) ::sigaddset(&mask_, signal);
    ::sigprocmask(SIG_BLOCK, &mask_, &old_mask_);
    ended_.Reset(::signalfd(-1, &mask_, SFD_CLOEXEC | SFD_NONBLOCK));
  }

  int Run() {
    if (!AwaitFirst()) return kOwnFailure;
    const int64_t begun_ns = MonotonicNowNs();
    const int64_t children_ns = ChildrenNs();
    int code = 0;
    do {
      code = RunOnce();
      if (code != 0) {
        std::fprintf(stderr, "vrapl-guest: run %d of the command ended with %d; nothing is reported\n",
                     measured_.runs + 1, code);
        return code;
      }
      ++measured_.runs;
    } while (MonotonicNowNs() - begun_ns < options_.max_ns &&
             (MonotonicNowNs() - begun_ns < options_.for_ns ||
              measured_.intervals.size() < static_cast<size_t>(options_.lines)));
    if (!AwaitEnd()) return kOwnFailure;
    measured_.command_ns = ChildrenNs() - children_ns;
    return Report();
  }

 private:
  // A line that came just now: the runs begin after its interval has ended.
  bool AwaitFirst() {
    const int64_t deadline_ns = MonotonicNowNs() + options_.timeout_ns;
    while (true) {
      std::vector<ArrivedLine> lines;
      if (AwaitLines(source_, deadline_ns, lines) == Awaited::kTimeout) break;
      teller_.Tell(source_);
      if (lines.empty()) continue;
      // The socket of `serve` greets with the newest line, which came a while ago.
      if (lines.back().may_have_waited || (!greeted_ && source_.path().ends_with("/socket"))) {
        greeted_ = true;
        continue;
      }
      measured_.before = lines.back().line;
      guest_begin_ = ReadGuestCpuTime();
      return true;
    }
    std::fprintf(stderr, "vrapl-guest: no line in %.3g s%s%s\n", static_cast<double>(options_.timeout_ns) * 1e-9,
                 source_.trouble().empty() ? "; does `vrapl serve` run on the host?" : ": ", source_.trouble().c_str());
    return false;
  }

  // The line whose interval ends after the last run did.
  bool AwaitEnd() {
    const size_t before = measured_.intervals.size();
    const int64_t deadline_ns = MonotonicNowNs() + options_.timeout_ns;
    while (measured_.intervals.size() == before) {
      std::vector<ArrivedLine> lines;
      if (AwaitLines(source_, deadline_ns, lines) == Awaited::kTimeout) {
        std::fprintf(stderr, "vrapl-guest: no line came after the last run; %s\n", source_.trouble().c_str());
        return false;
      }
      Take(lines);
    }
    return true;
  }

  void Take(const std::vector<ArrivedLine>& lines) {
    if (lines.empty()) return;
    const GuestCpuTime now = ReadGuestCpuTime();
    if (now.busy_ns >= 0 && guest_begin_.busy_ns >= 0 && now.cpus == guest_begin_.cpus) {
      measured_.guest_ns = now.busy_ns - guest_begin_.busy_ns;
    }
    measured_.guest_err_ns = GuestCpuTimeErrorNs(now.cpus);
    for (const ArrivedLine& arrived : lines) {
      const GuestLine& last = measured_.intervals.empty() ? measured_.before : measured_.intervals.back();
      if (arrived.line.epoch == last.epoch && arrived.line.seq <= last.seq) continue;
      measured_.intervals.push_back(arrived.line);
    }
  }

  // Its exit code, 128 + the signal, 126 or 127. Lines that come meanwhile are taken.
  int RunOnce() {
    std::vector<char*> argv;
    for (const std::string& word : options_.command) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    const pid_t child = ::fork();
    if (child < 0) {
      std::fprintf(stderr, "vrapl-guest: %s\n", PosixFailure(errno, "start the command").c_str());
      return kOwnFailure;
    }
    if (child == 0) {
      ::sigprocmask(SIG_SETMASK, &old_mask_, nullptr);
      ::execvp(argv[0], argv.data());
      const int error = errno;
      std::fprintf(stderr, "vrapl-guest: %s: %s\n", argv[0], std::strerror(error));
      ::_exit(error == ENOENT ? 127 : 126);
    }
    while (true) {
      int status = 0;
      if (::waitpid(child, &status, WNOHANG) == child) {
        return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
      }
      std::vector<ArrivedLine> lines;
      AwaitLines(source_, INT64_MAX, lines, ended_.get());
      Take(lines);
      signalfd_siginfo signal;
      while (::read(ended_.get(), &signal, sizeof signal) > 0) {
      }
    }
  }

  int Report() const {
    const JoulesPerRun result = ComputeJoulesPerRun(measured_);
    if (!result.why_not.empty()) {
      std::fprintf(stderr, "vrapl-guest: %s (%d runs, %.2f s, %zu lines)\n", result.why_not.c_str(), measured_.runs,
                   result.window_s, measured_.intervals.size());
      return 1;
    }
    std::fprintf(stderr, "  energy per run  %12.4f J  +- %.4f (95 %%%s)%s%s\n", result.joules, result.half_width,
                 result.error_unknown ? ", without the host's own error, which it does not tell" : "",
                 result.whole_energy ? "  idle floor included: the host does not know it yet" : "",
                 result.emulated ? "  EMULATED: no real counter" : "");
    std::fprintf(stderr, "  CPU time        %12.4f s per run, %.1f %% of this VM's\n",
                 static_cast<double>(measured_.command_ns) * 1e-9 / measured_.runs, result.share * 100);
    std::fprintf(stderr, "  runs            %7d         in %.2f s, over %zu lines\n", measured_.runs, result.window_s,
                 measured_.intervals.size());
    std::fprintf(stderr, "  this VM         %12.4f J  %s, meanwhile%s%s\n", result.vm_joules,
                 result.whole_energy ? "in all" : "above its part of the idle floor",
                 result.state == kLineOk ? "" : "; mind: ",
                 result.state == kLineOk ? "" : GuestLineStateWords(result.state).c_str());
    return 0;
  }

  const GuestOptions& options_;
  LineSource source_;
  TroubleTeller teller_;
  MeasuredRuns measured_;
  GuestCpuTime guest_begin_;
  bool greeted_ = false;
  sigset_t mask_{};
  sigset_t old_mask_{};
  OwnedFd ended_;
};

}  // namespace

int Run(const GuestOptions& options) { return Runner(options).Run(); }

}  // namespace vrapl
