// SimulatedClock: time that passes only when somebody sleeps. `on_sleep` lets the world change meanwhile.
#pragma once

#include <algorithm>
#include <functional>
#include <utility>

#include "base/clock.h"

namespace vrapl {

// Threads: one at a time.
class SimulatedClock final : public Clock {
 public:
  explicit SimulatedClock(int64_t now_ns = kNanosPerSecond) : now_ns_(now_ns) {}

  int64_t NowNs() const override { return now_ns_; }
  void SleepUntil(int64_t deadline_ns) const override {
    now_ns_ = std::max(now_ns_, deadline_ns);
    if (on_sleep_) on_sleep_(now_ns_);
  }

  int64_t SuspendedNs() const override { return suspended_ns_; }

  void Advance(int64_t ns) { now_ns_ += ns; }
  void Suspend(int64_t ns) { suspended_ns_ += ns; }
  // Called with the time at which each sleep ends.
  void OnSleep(std::function<void(int64_t now_ns)> on_sleep) { on_sleep_ = std::move(on_sleep); }

 private:
  mutable int64_t now_ns_;
  int64_t suspended_ns_ = 0;
  std::function<void(int64_t)> on_sleep_;
};

}  // namespace vrapl
