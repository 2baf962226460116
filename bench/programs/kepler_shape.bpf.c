// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The shape of Kepler 0.7 without hardware counters: two LRU hashes (start by thread, made and deleted at every switch;
 * time by process, in whole microseconds) and two clock reads. The maps are of Kepler's sizes.
 * Source of the shape: Kepler v0.7, bpf/kepler.bpf.h, do_kepler_sched_switch_trace(). */
#include "bench/programs/kernel.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct process {
  __u64 cgroup;
  __u64 tgid;
  __u64 run_time_us;
  __u64 counters[4];
  __u16 interrupts[10];
  char name[16];
};

struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 32768);
  __type(key, __u32);
  __type(value, __u64);
} starts SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 32768);
  __type(key, __u32);
  __type(value, struct process);
} processes SEC(".maps");

ON_SCHED_SWITCH(prev, next) {
  __u64 now = bpf_ktime_get_ns();
  __u32 tid = prev->pid;
  __u32 tgid = prev->tgid;
  __u64 slice_us = 0;
  __u64 *start = bpf_map_lookup_elem(&starts, &tid);
  if (start) {
    slice_us = (now - *start) / 1000;
    bpf_map_delete_elem(&starts, &tid);
  }
  if (slice_us > 0) {
    struct process *known = bpf_map_lookup_elem(&processes, &tgid);
    if (known) known->run_time_us += slice_us;
  }
  if (!bpf_map_lookup_elem(&processes, &tgid)) {
    struct process process = {.cgroup = bpf_get_current_cgroup_id(), .tgid = tgid};
    bpf_get_current_comm(process.name, sizeof(process.name));
    bpf_map_update_elem(&processes, &tgid, &process, BPF_NOEXIST);
  }
  now = bpf_ktime_get_ns();
  tid = next->pid;
  bpf_map_update_elem(&starts, &tid, &now, BPF_ANY);
  return 0;
}
