#include "sampler/real_time.h"

#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "base/posix.h"

namespace vrapl {

absl::Status UseRealTimePriority(int priority) {
  const sched_param parameters{.sched_priority = priority};
  if (const int error = ::pthread_setschedparam(::pthread_self(), SCHED_FIFO, &parameters); error != 0) {
    return PosixError(error, "real-time priority for the sampling thread (needs root or CAP_SYS_NICE)");
  }
  return absl::OkStatus();
}

absl::Status PinToCpu(int cpu) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(static_cast<size_t>(cpu), &one);
  if (const int error = ::pthread_setaffinity_np(::pthread_self(), sizeof one, &one); error != 0) {
    return PosixError(error, absl::StrCat("pin the sampling thread to CPU ", cpu));
  }
  return absl::OkStatus();
}

void WakeWithoutSlack() { ::prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL); }

absl::Status LockMemory() {
  // MCL_ONFAULT: lock what is used, not every page that libraries map.
  if (::mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) != 0) {
    const int error = errno;
    return PosixError(error, "lock memory (needs root or CAP_IPC_LOCK)");
  }
  return absl::OkStatus();
}

}  // namespace vrapl
