/* What the fork program tells of each new thread. The BPF program and user space both compile this file. */
#ifndef VRAPL_BPF_FORK_LOG_FORMAT_H_
#define VRAPL_BPF_FORK_LOG_FORMAT_H_

#ifdef __cplusplus
#include <linux/types.h>
#endif

/* A power of two. 4 MiB are 80 000 forks: more than a hundred CPUs make between two looks, 50 ms apart. */
#define VRAPL_FORK_RING_BYTES (4 << 20)

/* A thread that was just made and has not run yet. */
struct fork_event {
  __u64 parent_start; /* task->start_boottime, ns, of the thread that made it */
  __u64 child_start;
  __u32 parent_tid;
  __u32 parent_tgid;
  __u32 child_tid;
  __u32 child_tgid; /* == child_tid: a process */
};

#endif /* VRAPL_BPF_FORK_LOG_FORMAT_H_ */
