#include "cli/stop_signal.h"

#include <unistd.h>

#include <csignal>

namespace vrapl {
namespace {

std::atomic<bool> stop_requested = false;
static_assert(std::atomic<bool>::is_always_lock_free, "set in a signal handler");

void OnSignal(int number) {
  if (stop_requested.exchange(true)) ::_exit(128 + number);
}

}  // namespace

void RequestStop() { stop_requested = true; }

const std::atomic<bool>& StopOnSignals() {
  struct sigaction action = {};
  action.sa_handler = OnSignal;
  ::sigemptyset(&action.sa_mask);
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  ::sigaction(SIGHUP, &action, nullptr);  // a terminal that is closed
  // A reader of our output that goes away is a failed write, not the end of the program.
  ::signal(SIGPIPE, SIG_IGN);
  return stop_requested;
}

}  // namespace vrapl
