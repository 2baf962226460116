// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A bare copy of the sum that the scheduler keeps of the thread that leaves. It says nothing of who that was: the least
 * that a program without a clock of its own can do. */
#include "bench/programs/slot.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

ON_SCHED_SWITCH(prev, next) {
  struct slot *slot = this_cpu_slot();
  if (slot) slot->value = prev->se.sum_exec_runtime;
  return 0;
}
