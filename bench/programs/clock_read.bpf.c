// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One clock read, kept for its CPU: the least that a program with a clock of its own can do. */
#include "bench/programs/kernel.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 1); /* resized to the number of possible CPUs before loading */
  __type(key, __u32);
  __type(value, struct slot);
} slots SEC(".maps");

ON_SCHED_SWITCH(prev, next) {
  __u32 cpu = bpf_get_smp_processor_id();
  struct slot *slot = bpf_map_lookup_elem(&slots, &cpu);
  if (slot) slot->value = bpf_ktime_get_ns();
  return 0;
}
