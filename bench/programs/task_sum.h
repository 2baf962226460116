/* What the iterator over threads writes for each: both sides compile this file. */
#ifndef VRAPL_BENCH_PROGRAMS_TASK_SUM_H_
#define VRAPL_BENCH_PROGRAMS_TASK_SUM_H_

#include <linux/types.h>

struct task_sum {
  __u32 tid;
  __u32 tgid;
  __u64 run_time; /* ns; without the running slice, as of the last tick */
};

#endif /* VRAPL_BENCH_PROGRAMS_TASK_SUM_H_ */
