// A unix socket from which any number of readers get every line: at connection the newest if it is fresh, then each
// that follows. A reader that does not read has one line waiting and misses those after it; it delays nobody. What
// readers send is not read. Threads: one.
#pragma once

#include <poll.h>
#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "guest/posix_text.h"

namespace vrapl {

class LineServer {
 public:
  static constexpr size_t kMostReaders = 1000;

  // `mode`: who may connect. Returns "" or what is wrong; a socket that nobody listens on is taken over.
  std::string Listen(const std::string& path, mode_t mode);
  ~LineServer();

  // Descriptors to be polled, and what came of it: new readers get `newest` ("" is none), gone ones are let go.
  void AddTo(std::vector<pollfd>& fds) const;
  void Step(std::string_view newest);

  void Send(std::string_view text);

  size_t readers() const { return readers_.size(); }
  uint64_t missed() const { return missed_; }  // lines that a reader did not get because it had not read the one before

 private:
  static bool SendTo(int fd, std::string_view text);

  std::string path_;
  OwnedFd listener_;
  std::vector<OwnedFd> readers_;
  uint64_t missed_ = 0;
};

}  // namespace vrapl
