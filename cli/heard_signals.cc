#include "cli/heard_signals.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <utility>

namespace vrapl {
namespace {

volatile int write_fd = -1;  // set once, before the handlers are

void OnSignal(int number, siginfo_t* info, void* /*context*/) {
  const int error = errno;
  const HeardSignals::Signal signal{.number = number, .to_us_alone = info->si_code <= 0};
  // A pipe that is full holds thousands that nobody has looked at: one more says nothing new.
  if (::write(write_fd, &signal, sizeof signal) < 0) errno = error;
  errno = error;
}

}  // namespace

absl::StatusOr<std::unique_ptr<HeardSignals>> HeardSignals::Hear() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
    const int error = errno;
    return PosixError(error, "make a pipe for signals");
  }
  write_fd = ends[1];  // for as long as the program runs
  struct sigaction action = {};
  action.sa_sigaction = OnSignal;
  action.sa_flags = SA_SIGINFO | SA_RESTART;
  ::sigemptyset(&action.sa_mask);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction before = {};
    // Under nohup, for one, the end of the terminal is none of ours.
    if (::sigaction(number, nullptr, &before) == 0 && before.sa_handler == SIG_IGN) continue;
    ::sigaction(number, &action, nullptr);
  }
  ::signal(SIGPIPE, SIG_IGN);
  return std::unique_ptr<HeardSignals>(new HeardSignals(UniqueFd(ends[0])));
}

bool HeardSignals::Take() {
  Signal signal;
  if (next_ || ::read(read_.get(), &signal, sizeof signal) != sizeof signal) return next_.has_value();
  if (first_ == 0) first_ = signal.number;
  next_ = signal;
  return true;
}

std::optional<HeardSignals::Signal> HeardSignals::Next() {
  Take();
  return std::exchange(next_, std::nullopt);
}

int HeardSignals::first() {
  Take();
  return first_;
}

}  // namespace vrapl
