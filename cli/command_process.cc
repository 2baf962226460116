#include "cli/command_process.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/clock.h"

namespace vrapl {
namespace {

int64_t Nanoseconds(const timeval& time) { return time.tv_sec * kNanosPerSecond + time.tv_usec * 1000; }

// In the child, between fork and exec, where other threads' locks are held for ever: system calls only.
[[noreturn]] void BecomeCommand(char* const* argv, int go, int failure, const sigset_t& mask,
                                const CommandProcess::Options& options) {
  // Our handlers would swallow a signal that is meant for the command; one that came meanwhile ends it here.
  if (options.inherited != nullptr) options.inherited->Restore();
  ::sigprocmask(SIG_SETMASK, &mask, nullptr);
  char word = 0;
  ssize_t size = 0;
  do {
    size = ::read(go, &word, 1);
  } while (size < 0 && errno == EINTR);
  if (size != 1) ::_exit(kExitVraplFailed);  // whoever would have let us go is gone
  if (options.stdout_fd >= 0) ::dup2(options.stdout_fd, STDOUT_FILENO);
  if (options.stderr_fd >= 0) ::dup2(options.stderr_fd, STDERR_FILENO);
  if (options.ends_with_us) ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  ::execvp(argv[0], argv);
  const int error = errno;
  if (::write(failure, &error, sizeof error) < 0) ::_exit(kExitVraplFailed);
  ::_exit(error == ENOENT ? kExitNotFound : kExitNotExecutable);
}

}  // namespace

Inherited::Inherited() {
  ::getrlimit(RLIMIT_MEMLOCK, &memory_);
  ::getrlimit(RLIMIT_NOFILE, &files_);
  for (size_t i = 0; i < kHeard.size(); ++i) {
    struct sigaction action = {};
    ignored_[i] = ::sigaction(kHeard[i], nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
  }
}

void Inherited::Restore() const {
  ::setrlimit(RLIMIT_MEMLOCK, &memory_);
  ::setrlimit(RLIMIT_NOFILE, &files_);
  for (size_t i = 0; i < kHeard.size(); ++i) ::signal(kHeard[i], ignored_[i] ? SIG_IGN : SIG_DFL);
}

absl::StatusOr<std::unique_ptr<CommandProcess>> CommandProcess::Start(const std::vector<std::string>& words,
                                                                      const Options& options) {
  int go[2];
  int failure[2];
  if (::pipe2(go, O_CLOEXEC) != 0) {
    const int error = errno;
    return PosixError(error, "make a pipe to the command");
  }
  UniqueFd go_read(go[0]);
  UniqueFd go_write(go[1]);
  if (::pipe2(failure, O_CLOEXEC) != 0) {
    const int error = errno;
    return PosixError(error, "make a pipe to the command");
  }
  UniqueFd failure_read(failure[0]);
  UniqueFd failure_write(failure[1]);
  UniqueFd ended_event(::eventfd(0, EFD_CLOEXEC));
  if (!ended_event.ok()) {
    const int error = errno;
    return PosixError(error, "make an event for the command's end");
  }
  std::vector<std::string> copies = words;
  std::vector<char*> argv;
  for (std::string& word : copies) argv.push_back(word.data());
  argv.push_back(nullptr);
  // A signal that meets the child before it has put our handlers away waits until it has.
  sigset_t heard;
  sigset_t mask;
  ::sigemptyset(&heard);
  for (const int number : Inherited::kHeard) ::sigaddset(&heard, number);
  ::pthread_sigmask(SIG_BLOCK, &heard, &mask);
  const pid_t pid = ::fork();
  const int error = errno;
  if (pid == 0) {
    ::close(go[1]);
    BecomeCommand(argv.data(), go[0], failure[1], mask, options);
  }
  ::pthread_sigmask(SIG_SETMASK, &mask, nullptr);
  if (pid < 0) return PosixError(error, "start the command");
  return std::unique_ptr<CommandProcess>(
      new CommandProcess(pid, std::move(go_write), std::move(failure_read), std::move(ended_event), words.front()));
}

CommandProcess::CommandProcess(pid_t pid, UniqueFd go, UniqueFd failure, UniqueFd ended_event, std::string name)
    : pid_(pid),
      go_(std::move(go)),
      failure_(std::move(failure)),
      ended_event_(std::move(ended_event)),
      name_(std::move(name)) {
  waiter_ = std::thread([this] { WaitForEnd(); });
}

CommandProcess::~CommandProcess() {
  go_.Reset();
  Signal(SIGKILL);
  waiter_.join();
}

int64_t CommandProcess::Release() {
  const int64_t t_ns = MonotonicNs();
  if (::write(go_.get(), "", 1) != 1) Signal(SIGKILL);
  go_.Reset();
  return t_ns;
}

void CommandProcess::Signal(int number) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!reaped_) ::kill(pid_, number);
}

const CommandEnd& CommandProcess::Wait() {
  ended_.wait(false, std::memory_order_acquire);
  return end_;
}

void CommandProcess::WaitForEnd() {
  // Reaped later than told, under the lock: Signal() must not meet another process with its number.
  siginfo_t info{};
  while (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT) != 0 && errno == EINTR) {
  }
  end_.t_ns = MonotonicNs();
  end_.signal = info.si_code == CLD_EXITED ? 0 : info.si_status;
  end_.exit_code = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
  int error = 0;
  if (::read(failure_.get(), &error, sizeof error) == sizeof error) {
    end_.error = absl::StrCat(name_, ": ", error == ENOENT ? "command not found" : std::strerror(error));
  }
  rusage usage{};
  int status = 0;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    while (::wait4(pid_, &status, 0, &usage) < 0 && errno == EINTR) {
    }
    reaped_ = true;
  }
  end_.user_ns = Nanoseconds(usage.ru_utime);
  end_.system_ns = Nanoseconds(usage.ru_stime);
  end_.max_rss_kib = usage.ru_maxrss;
  ended_.store(true, std::memory_order_release);
  ended_.notify_all();
  const uint64_t one = 1;
  if (::write(ended_event_.get(), &one, sizeof one) < 0) return;  // it is readable already
}

}  // namespace vrapl
