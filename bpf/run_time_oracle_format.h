/* The oracle: what its BPF program sends and user space reads. Both sides compile this file. */
#ifndef VRAPL_BPF_RUN_TIME_ORACLE_FORMAT_H_
#define VRAPL_BPF_RUN_TIME_ORACLE_FORMAT_H_

#ifdef __cplusplus
#include <linux/types.h>
#endif

/* Room for 130 000 switches that nobody has read yet; a power of two, as ring buffers want it. */
#define VRAPL_ORACLE_RING_BYTES (1 << 23)

/* The outgoing thread of one switch, with the kernel's own account of it. */
struct switch_out {
  __u64 sum_exec_runtime; /* prev->se.sum_exec_runtime: all its run time so far, ns */
  __u64 start;            /* prev->start_boottime, ns */
  __u64 monotonic;        /* CLOCK_MONOTONIC in the hook, ns */
  __u64 after_account;    /* ns by the run queue's task clock since the kernel closed the account of prev */
  __u32 cpu;
  __u32 tid; /* of prev; 0: the idle task, which has no account */
  __u32 tgid;
  __u32 next_tid;
  __u32 switches;        /* rq->nr_switches, low 32 bits, this switch included; 0 where it cannot be reached */
  __u32 seen;            /* switches that this program saw on this CPU, this one included */
  __u32 thread_switches; /* how often prev has left a CPU, by the kernel's count, this time included */
  __u32 unused;
};

/* One per CPU. */
struct oracle_counts {
  __u32 seen;
  __u32 drops; /* switches that found no room in the ring */
};

#endif /* VRAPL_BPF_RUN_TIME_ORACLE_FORMAT_H_ */
