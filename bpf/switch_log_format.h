/* The switch log: what the BPF program writes and user space reads. Both sides compile this file.
 *
 * One log per possible CPU, in one memory-mapped array. Writer: sched_switch on that CPU, alone. Reader: any thread;
 * it reads `head`, copies records, and reads `head` again to see whether the writer has lapped it.
 */
#ifndef VRAPL_BPF_SWITCH_LOG_FORMAT_H_
#define VRAPL_BPF_SWITCH_LOG_FORMAT_H_

#ifdef __cplusplus
#include <linux/types.h>
#endif

/* Records per CPU; a power of two. 16 Ki last 160 ms at 100 000 switches a second. */
#define VRAPL_LOG_RECORDS 16384

/* A pair of clocks is taken at most this often on each CPU. */
#define VRAPL_CLOCK_PAIR_PERIOD_NS 1000000

/* CPUs that one call of the observe program looks at. */
#define VRAPL_OBSERVE_MAX 512

/* The incoming thread of one switch. From `clock` on it runs, until the next record of this CPU. */
struct switch_record {
  __u64 clock;      /* rq->clock: the scheduler's wall clock of this CPU, ns; in its place CLOCK_MONOTONIC, see below */
  __u64 clock_task; /* rq->clock_task: the same less stolen and (where the kernel tells) interrupt time, ns */
  __u64 start;      /* task->start_boottime, ns: tells a thread from a later one with its number */
  __u32 switches;   /* rq->nr_switches, low 32 bits, this switch included: a step of more than 1 is a gap */
  __u32 irq;        /* rq->prev_irq_time, low 32 bits, ns: interrupts so far; 0 where the kernel keeps none */
  __u32 tid;        /* 0: the idle task */
  __u32 tgid;       /* with VRAPL_KERNEL_THREAD */
};

/* A bit of switch_record.tgid that no thread id has (PID_MAX_LIMIT is 2^22): the thread is the kernel's. */
#define VRAPL_KERNEL_THREAD 0x80000000u

/* What a CPU's run queue says at the moment, read from another CPU without disturbing it. */
struct cpu_observation {
  __u32 wanted; /* set by user space: the number of the reader that wants to know, 0: nobody */
  __u32 valid;  /* 0: the queue was being updated; try again at the next sample */
  __u64 clock;
  __u64 clock_task;
  __u32 switches;
  __u32 irq;
  __u32 unused[8];
};

struct switch_log {
  __u64 head; /* records written since the program was attached */
  /* One instant in both clocks: CLOCK_MONOTONIC read in the hook, just after the scheduler read rq->clock.
   * Even `pair_version`: the two belong together. */
  __u64 pair_version;
  __u64 pair_clock;
  __u64 pair_monotonic;
  __u64 unused[4];
  struct cpu_observation observation; /* a cache line of its own: the reader writes here */
  struct switch_record records[VRAPL_LOG_RECORDS];
};

/* Argument of the observe program: CPUs first_cpu .. end_cpu - 1, at most VRAPL_OBSERVE_MAX. */
struct observe_args {
  __u32 first_cpu;
  __u32 end_cpu;
  __u32 reader; /* only CPUs that this reader wants: packages may have every other CPU */
  __u32 unused;
};

#endif /* VRAPL_BPF_SWITCH_LOG_FORMAT_H_ */
