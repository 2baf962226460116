#include "base/clock.h"

#include <cerrno>
#include <ctime>

namespace vrapl {
namespace {

int64_t ReadClock(clockid_t id) {
  timespec now;
  ::clock_gettime(id, &now);
  return int64_t{now.tv_sec} * kNanosPerSecond + now.tv_nsec;
}

class MonotonicClock final : public Clock {
 public:
  int64_t NowNs() const override { return MonotonicNs(); }
  void SleepUntil(int64_t deadline_ns) const override {
    const timespec deadline{.tv_sec = deadline_ns / kNanosPerSecond, .tv_nsec = deadline_ns % kNanosPerSecond};
    while (::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, nullptr) == EINTR) {
    }
  }
  int64_t SuspendedNs() const override {
    const int64_t boot_ns =
        ReadClock(CLOCK_BOOTTIME);  // first: time that passes in between makes the difference smaller
    return boot_ns - MonotonicNs();
  }
};

}  // namespace

const Clock& RealClock() {
  static const MonotonicClock clock;
  return clock;
}

int64_t MonotonicNs() { return ReadClock(CLOCK_MONOTONIC); }
int64_t RealtimeNs() { return ReadClock(CLOCK_REALTIME); }

}  // namespace vrapl
