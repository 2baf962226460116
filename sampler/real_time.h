// Asks the kernel for what a millisecond thread needs: real-time priority, memory that stays, a CPU of its package.
// Where it is not permitted the program goes on without, and says so.
#pragma once

#include "absl/status/status.h"

namespace vrapl {

inline constexpr int kSamplerPriority = 50;  // SCHED_FIFO; threaded interrupts of PREEMPT_RT kernels use 50 too

// Of the calling thread. Errors name the missing capability.
absl::Status UseRealTimePriority(int priority);  // CAP_SYS_NICE
absl::Status PinToCpu(int cpu);

// Of the calling thread: the kernel may wake an ordinary one 50 us late to save wake-ups (timer slack), one of
// real-time priority never. Always permitted.
void WakeWithoutSlack();

// Of the process: pages once touched are not taken away.
absl::Status LockMemory();  // CAP_IPC_LOCK

}  // namespace vrapl
