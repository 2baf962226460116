// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The sched_switch program: one record per switch into its CPU's log, and nothing else.
 *
 * It does constant work: no map look-up by task, no sums, no clock read of its own but one a millisecond. The stamp is
 * the scheduler's: __schedule() has just brought rq->clock up to date, so the log agrees with the kernel's accounting.
 * Source of the fields: Linux kernel/sched/sched.h, struct rq; kernel/sched/core.c, __schedule().
 */
#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "bpf/switch_log_format.h"

#define KERNEL_THREAD 0x00200000 /* PF_KTHREAD, include/linux/sched.h */

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* The few kernel fields this program reads; CO-RE moves them to where the running kernel has them. */
struct rq {
  __u64 clock;
  __u64 clock_task;
  __u64 nr_switches;
  __u64 prev_irq_time; /* CONFIG_IRQ_TIME_ACCOUNTING only */
} __attribute__((preserve_access_index));

struct cfs_rq {
  struct rq *rq;
} __attribute__((preserve_access_index));

struct sched_entity {
  struct cfs_rq *cfs_rq;
} __attribute__((preserve_access_index));

struct task_struct {
  unsigned int flags;
  int pid;
  int tgid;
  __u64 start_boottime;
  struct sched_entity se;
} __attribute__((preserve_access_index));

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 1); /* resized to the number of possible CPUs before loading */
  __type(key, __u32);
  __type(value, struct switch_log);
} switch_logs SEC(".maps");

/* The run queue of each CPU, as the hook met it. Kernels without all symbols in kallsyms offer no other way to it. Not
 * mapped: the addresses stay in the kernel. */
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1); /* resized like switch_logs */
  __type(key, __u32);
  __type(value, __u64);
} run_queues SEC(".maps");

/* Set before loading. Where the run queue cannot be reached from a thread, the kernel's clock is read instead: then
 * stolen and interrupt time are not told apart, and a switch that the kernel hides is not noticed. */
const volatile _Bool use_ktime = 0;

static __always_inline void append(__u64 clock, __u64 clock_task, __u32 switches, __u32 irq, __u64 start, __u32 flags,
                                   __u32 tid, __u32 tgid, const struct rq *rq) {
  __u32 cpu = bpf_get_smp_processor_id();
  struct switch_log *log = bpf_map_lookup_elem(&switch_logs, &cpu);
  if (!log) return;

  __u64 head = log->head;
  struct switch_record *record = &log->records[head & (VRAPL_LOG_RECORDS - 1)];
  record->clock = clock;
  record->clock_task = clock_task;
  record->start = start;
  record->switches = use_ktime ? (__u32)head + 1 : switches;
  record->irq = irq;
  record->tid = tid;
  record->tgid = flags & KERNEL_THREAD ? tgid | VRAPL_KERNEL_THREAD : tgid;
  barrier(); /* x86 keeps stores in order; the compiler must too */
  *(volatile __u64 *)&log->head = head + 1;

  if (clock - log->pair_clock >= VRAPL_CLOCK_PAIR_PERIOD_NS) {
    *(volatile __u64 *)&log->pair_version += 1;
    barrier();
    log->pair_clock = clock;
    log->pair_monotonic = use_ktime ? clock : bpf_ktime_get_ns();
    barrier();
    *(volatile __u64 *)&log->pair_version += 1;
    __u64 *run_queue = bpf_map_lookup_elem(&run_queues, &cpu);
    if (run_queue) *run_queue = (__u64)rq;
  }
}

#ifndef VRAPL_DEFECT
#define VRAPL_DEFECT /* what tests/bpf breaks on purpose */
#endif

SEC("tp_btf/sched_switch")
int BPF_PROG(on_sched_switch, _Bool preempt, struct task_struct *prev, struct task_struct *next) {
  if (use_ktime) {
    __u64 now = bpf_ktime_get_ns();
    append(now, now, 0, 0, next->start_boottime, next->flags, next->pid, next->tgid, 0);
    return 0;
  }
  const struct rq *rq = next->se.cfs_rq->rq;
  __u32 switches = (__u32)rq->nr_switches;
  VRAPL_DEFECT
  __u32 irq = bpf_core_field_exists(rq->prev_irq_time) ? (__u32)rq->prev_irq_time : 0;
  append(rq->clock, rq->clock_task, switches, irq, next->start_boottime, next->flags, next->pid, next->tgid, rq);
  return 0;
}

/* The same for kernels that know their types but whose tracepoints do not (BPF trampolines are missing): each field is
 * copied out by a helper. */
SEC("raw_tp/sched_switch")
int BPF_PROG(on_sched_switch_raw, _Bool preempt, struct task_struct *prev, struct task_struct *next) {
  __u64 start = BPF_CORE_READ(next, start_boottime);
  __u32 flags = BPF_CORE_READ(next, flags);
  __u32 tid = BPF_CORE_READ(next, pid);
  __u32 tgid = BPF_CORE_READ(next, tgid);
  if (use_ktime) {
    __u64 now = bpf_ktime_get_ns();
    append(now, now, 0, 0, start, flags, tid, tgid, 0);
    return 0;
  }
  const struct rq *rq = BPF_CORE_READ(next, se.cfs_rq, rq);
  __u32 irq = bpf_core_field_exists(rq->prev_irq_time) ? (__u32)BPF_CORE_READ(rq, prev_irq_time) : 0;
  append(BPF_CORE_READ(rq, clock), BPF_CORE_READ(rq, clock_task), (__u32)BPF_CORE_READ(rq, nr_switches), irq, start,
         flags, tid, tgid, rq);
  return 0;
}

/* Looks at other CPUs' run queues. The sampler asks for those that have not switched for a while: it learns that the
 * thread it saw last is still there (nr_switches has not moved) and how much was stolen from it so far.
 *
 * A queue may be updated while we read: the two clocks are taken twice and must agree, else the answer is "not now". */
SEC("syscall")
int observe_cpus(struct observe_args *args) {
  __u32 cpu = args->first_cpu;
  __u32 end = args->end_cpu;
  for (int i = 0; i < VRAPL_OBSERVE_MAX && cpu < end; i++, cpu++) {
    __u32 key = cpu;
    struct switch_log *log = bpf_map_lookup_elem(&switch_logs, &key);
    if (!log) break;
    struct cpu_observation *seen = &log->observation;
    if (seen->wanted != args->reader) continue;
    seen->valid = 0;
    __u64 *run_queue = bpf_map_lookup_elem(&run_queues, &key);
    if (!run_queue || !*run_queue) continue;
    const struct rq *rq = (const struct rq *)*run_queue;
    __u64 clock = 0, clock_task = 0, switches = 0, clock_again = 0, clock_task_again = 0;
    __u64 irq = 0;
    bpf_core_read(&clock_task, sizeof(clock_task), &rq->clock_task);
    if (bpf_core_field_exists(rq->prev_irq_time)) bpf_core_read(&irq, sizeof(irq), &rq->prev_irq_time);
    bpf_core_read(&clock, sizeof(clock), &rq->clock);
    bpf_core_read(&switches, sizeof(switches), &rq->nr_switches);
    bpf_core_read(&clock_again, sizeof(clock_again), &rq->clock);
    bpf_core_read(&clock_task_again, sizeof(clock_task_again), &rq->clock_task);
    seen->clock = clock;
    seen->clock_task = clock_task;
    seen->irq = (__u32)irq;
    seen->switches = (__u32)switches;
    seen->valid = clock == clock_again && clock_task == clock_task_again;
  }
  return 0;
}
