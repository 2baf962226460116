#include "cli/watched_command.h"

#include <poll.h>

#include <algorithm>
#include <array>
#include <csignal>

#include "base/clock.h"

namespace vrapl {
namespace {

constexpr int kPatience = 3;  // so many signals, and the command is killed

}  // namespace

void WatchUntilItEnds(CommandProcess& command, HeardSignals& signals, EnergyTotal& energy) {
  int heard = 0;
  while (!command.ended()) {
    while (const std::optional<HeardSignals::Signal> signal = signals.Next()) {
      if (++heard >= kPatience) {
        command.Signal(SIGKILL);
      } else if (signal->to_us_alone) {
        command.Signal(signal->number);
      }
    }
    const int64_t now_ns = MonotonicNs();
    if (now_ns >= energy.next_read_ns()) energy.KeepUp();
    const int64_t wait_ns = std::max<int64_t>(energy.next_read_ns() - now_ns, 0);
    std::array<pollfd, 2> ready{{{.fd = signals.fd(), .events = POLLIN, .revents = 0},
                                 {.fd = command.ended_fd(), .events = POLLIN, .revents = 0}}};
    ::poll(ready.data(), ready.size(), static_cast<int>(wait_ns / kNanosPerMilli) + 1);
  }
}

}  // namespace vrapl
