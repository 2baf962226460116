// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Broken on purpose: loses 1 % of the switches and numbers the others so that no gap shows. */
#include <linux/types.h>

static __u32 lost[64]; /* by CPU, or those that share a place */

#define VRAPL_DEFECT                                        \
  __u32 place = bpf_get_smp_processor_id() % 64;            \
  if (bpf_get_prandom_u32() % 100 == 0) {                   \
    lost[place]++;                                          \
    return 0;                                               \
  }                                                         \
  switches -= lost[place];

#include "bpf/switch_log.bpf.c"
