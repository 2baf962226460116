#include "vm/change_flag.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace vrapl {

void ChangeFlag::Raise() {
  const std::lock_guard<std::mutex> lock(mutex_);
  raised_ = true;
  raised_now_.notify_all();
}

bool ChangeFlag::Wait(absl::Duration timeout) {
  std::unique_lock<std::mutex> lock(mutex_);
  const absl::Duration at_most = std::min(timeout,
                                          absl::Hours(24));  // an infinite wait would overflow the deadline
  raised_now_.wait_for(lock, absl::ToChronoNanoseconds(at_most), [this] { return raised_; });
  return std::exchange(raised_, false);
}

}  // namespace vrapl
