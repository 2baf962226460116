// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Nothing: what is left when a program's body is taken away. */
#include "bench/programs/kernel.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

ON_SCHED_SWITCH(prev, next) { return 0; }
