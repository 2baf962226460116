// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A record like the switch log's, through the kernel's ring buffer to a thread that consumes it. */
#include "bench/programs/kernel.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct record {
  __u64 clock;
  __u64 run_time;
  __u32 cpu;
  __u32 tid;
  __u32 tgid;
  __u32 unused[3];
};

struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 1 << 22);
} records SEC(".maps");

/* Set before loading. BPF_RB_NO_WAKEUP: the consumer looks by itself; 0: it is woken whenever it has caught up, which is
 * the default of the kernel's interface. */
const volatile __u64 submit_flags = 0;

__u64 dropped; /* no room */

ON_SCHED_SWITCH(prev, next) {
  struct record *record = bpf_ringbuf_reserve(&records, sizeof(*record), 0);
  if (!record) {
    __sync_fetch_and_add(&dropped, 1);
    return 0;
  }
  record->clock = bpf_ktime_get_ns();
  record->run_time = prev->se.sum_exec_runtime;
  record->cpu = bpf_get_smp_processor_id();
  record->tid = next->pid;
  record->tgid = next->tgid;
  bpf_ringbuf_submit(record, submit_flags);
  return 0;
}
