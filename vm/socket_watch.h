// SocketWatch notices that a daemon's socket comes, or comes back: a name with "-sock" in it, as libvirt-sock-ro and
// virtqemud-sock-ro have, is made in a directory. Whether anybody listens on it yet is another question.
#pragma once

#include <memory>
#include <string>

#include "base/posix.h"

namespace vrapl {

class SocketWatch {
 public:
  // nullptr where `directory` is not there or cannot be watched.
  static std::unique_ptr<SocketWatch> Open(const std::string& directory);

  // Readable when Take() has something to look at.
  int fd() const { return inotify_.get(); }

  // Whether a socket has come since the last call. Does not wait. Threads: one at a time.
  bool Take();

 private:
  explicit SocketWatch(UniqueFd inotify) : inotify_(std::move(inotify)) {}

  const UniqueFd inotify_;
};

}  // namespace vrapl
