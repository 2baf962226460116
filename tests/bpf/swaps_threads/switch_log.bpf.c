// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Broken on purpose: in 1 % of the switches it takes the thread that leaves for the one that comes. */
#define VRAPL_DEFECT if (bpf_get_prandom_u32() % 100 == 0) next = prev;

#include "bpf/switch_log.bpf.c"
