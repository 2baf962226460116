// The guests' ends of many ports, in a process of their own: unix sockets, as QEMU listens on them, with readers.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/posix.h"

namespace vrapl {

enum class GuestEnd {
  kReads,
  kStalls,  // accepts the connection, and never reads
  kFloods,  // reads, and writes whenever there is room
};

// When readers read.
enum class ReaderTurn {
  kWhenAsked,  // in ReadAll() alone: who writes wakes nobody, which is the least that a send can cost
  kAtOnce,     // whenever something has come: the first send wakes them
};

// Threads: one at a time. The process that reads ends with the object.
class PortReaders {
 public:
  // Listens on DIR/0, DIR/1, ... and forks: call it before there are threads.
  static absl::StatusOr<std::unique_ptr<PortReaders>> Start(const std::string& directory,
                                                            const std::vector<GuestEnd>& ends, ReaderTurn turn);
  ~PortReaders();

  const std::vector<std::string>& paths() const { return paths_; }

  // Returns when everything that was written to those who read has been read, and those who flood have filled their
  // side. Connections that were made since the last call are taken first.
  absl::Status ReadAll();

 private:
  PortReaders(std::vector<std::string> paths, UniqueFd control, pid_t child)
      : paths_(std::move(paths)), control_(std::move(control)), child_(child) {}

  const std::vector<std::string> paths_;
  UniqueFd control_;
  pid_t child_;
};

}  // namespace vrapl
