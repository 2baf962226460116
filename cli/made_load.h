// Load of a known pattern, in a process of its own at the lowest priority: time with nothing to do between turns in
// which one CPU is busy, two, and so on to all of them.
#pragma once

#include <sys/types.h>

#include <memory>

#include "absl/status/statusor.h"

namespace vrapl {

class MadeLoad {
 public:
  // Runs when this returns, and ends with it, or when this process dies. Call before there are threads that hold locks.
  static absl::StatusOr<std::unique_ptr<MadeLoad>> Start();
  ~MadeLoad();
  MadeLoad(const MadeLoad&) = delete;
  MadeLoad& operator=(const MadeLoad&) = delete;

  pid_t pid() const { return pid_; }

 private:
  explicit MadeLoad(pid_t pid) : pid_(pid) {}
  const pid_t pid_;
};

}  // namespace vrapl
