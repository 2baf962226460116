// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The oracle that the switch log is checked against: at each switch the kernel's own account of the thread that leaves,
 * sent as it is. It takes no difference and looks at no clock that the log's arithmetic uses: where it agrees with the
 * log, both are right.
 *
 * __schedule() brings se.sum_exec_runtime up to date when it puts the outgoing thread aside (update_curr(), by the task
 * clock of that moment), before the tracepoint.
 * Source of the fields: Linux include/linux/sched.h, struct sched_entity; kernel/sched/fair.c, update_curr();
 * kernel/sched/core.c, __schedule().
 */
#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "bpf/run_time_oracle_format.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct rq {
  __u64 clock_task;
  __u64 nr_switches;
} __attribute__((preserve_access_index));

struct cfs_rq {
  struct rq *rq;
} __attribute__((preserve_access_index));

struct sched_entity {
  __u64 exec_start;
  __u64 sum_exec_runtime;
  struct cfs_rq *cfs_rq;
} __attribute__((preserve_access_index));

struct task_struct {
  int pid;
  int tgid;
  __u64 start_boottime;
  unsigned long nvcsw;
  unsigned long nivcsw;
  struct sched_entity se;
} __attribute__((preserve_access_index));

struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, VRAPL_ORACLE_RING_BYTES);
} switch_outs SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct oracle_counts);
} counts SEC(".maps");

SEC("tp_btf/sched_switch")
int BPF_PROG(on_switch_out, _Bool preempt, struct task_struct *prev, struct task_struct *next) {
  __u32 key = 0;
  struct oracle_counts *count = bpf_map_lookup_elem(&counts, &key);
  if (!count) return 0;
  count->seen++;
  struct switch_out *out = bpf_ringbuf_reserve(&switch_outs, sizeof(*out), 0);
  if (!out) {
    count->drops++;
    return 0;
  }
  out->sum_exec_runtime = prev->se.sum_exec_runtime;
  out->start = prev->start_boottime;
  out->monotonic = bpf_ktime_get_ns();
  out->after_account = 0;
  out->cpu = bpf_get_smp_processor_id();
  out->tid = prev->pid;
  out->tgid = prev->tgid;
  out->next_tid = next->pid;
  out->switches = 0;
  if (bpf_core_field_exists(next->se.cfs_rq)) {
    const struct rq *rq = next->se.cfs_rq->rq;
    out->switches = (__u32)rq->nr_switches;
    out->after_account = rq->clock_task - prev->se.exec_start;
  }
  out->seen = count->seen;
  out->thread_switches = (__u32)(prev->nvcsw + prev->nivcsw);
  out->unused = 0;
  /* The reader looks by itself: waking it would be a switch of our own making. */
  bpf_ringbuf_submit(out, BPF_RB_NO_WAKEUP);
  return 0;
}
