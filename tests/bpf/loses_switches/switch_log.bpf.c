// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Broken on purpose: loses 1 % of the switches. The kernel's count of switches shows the gaps. */
#define VRAPL_DEFECT if (bpf_get_prandom_u32() % 100 == 0) return 0;

#include "bpf/switch_log.bpf.c"
