// ChangeFlag: "something happened", raised by one thread and waited for by
// another.
#pragma once

#include <condition_variable>
#include <mutex>

#include "absl/time/time.h"

namespace vrapl {

class ChangeFlag {
 public:
  // Threads: any.
  void Raise();

  // Waits until the flag is raised or `timeout` has passed, lowers it, and says
  // whether it was raised.
  bool Wait(absl::Duration timeout);

 private:
  std::mutex mutex_;
  std::condition_variable raised_now_;
  bool raised_ = false;
};

}  // namespace vrapl
