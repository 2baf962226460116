// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One clock read, kept for its CPU: the least that a program with a clock of its own can do. */
#include "bench/programs/slot.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

ON_SCHED_SWITCH(prev, next) {
  struct slot *slot = this_cpu_slot();
  if (slot) slot->value = bpf_ktime_get_ns();
  return 0;
}
