#include "vm/socket_watch.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <cstring>

#include "absl/strings/match.h"

namespace vrapl {

std::unique_ptr<SocketWatch> SocketWatch::Open(const std::string& directory) {
  UniqueFd inotify(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!inotify.ok()) return nullptr;
  if (::inotify_add_watch(inotify.get(), directory.c_str(), IN_CREATE | IN_MOVED_TO | IN_ONLYDIR) < 0) return nullptr;
  return std::unique_ptr<SocketWatch>(new SocketWatch(std::move(inotify)));
}

bool SocketWatch::Take() {
  bool came = false;
  alignas(inotify_event) char events[4096];
  for (;;) {
    const ssize_t size = ::read(inotify_.get(), events, sizeof events);
    if (size <= 0) return came;
    for (const char* at = events; at < events + size;) {
      inotify_event event;
      std::memcpy(&event, at, sizeof event);
      const char* name = at + sizeof event;
      // What was too much to be told may have been a socket.
      if ((event.mask & IN_Q_OVERFLOW) != 0 || (event.len > 0 && absl::StrContains(name, "-sock"))) came = true;
      at = name + event.len;
    }
  }
}

}  // namespace vrapl
