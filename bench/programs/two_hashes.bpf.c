// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The shape of bcc's cpudist, and of most monitors: the start by thread in one hash, the total by thread in another. */
#include "bench/programs/kernel.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 16384);
  __type(key, __u32);
  __type(value, __u64);
} starts SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 16384);
  __type(key, __u32);
  __type(value, __u64);
} totals SEC(".maps");

ON_SCHED_SWITCH(prev, next) {
  __u64 now = bpf_ktime_get_ns();
  __u32 tid = prev->pid;
  __u64 *start = bpf_map_lookup_elem(&starts, &tid);
  if (start) {
    __u64 slice = now - *start;
    __u64 *total = bpf_map_lookup_elem(&totals, &tid);
    if (total) {
      *total += slice;
    } else {
      bpf_map_update_elem(&totals, &tid, &slice, BPF_ANY);
    }
  }
  tid = next->pid;
  bpf_map_update_elem(&starts, &tid, &now, BPF_ANY);
  return 0;
}
