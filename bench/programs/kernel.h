/* What the programs of this folder share: their headers, and the few kernel fields that they read; CO-RE moves these to
 * where the running kernel has them. */
#ifndef VRAPL_BENCH_PROGRAMS_KERNEL_H_
#define VRAPL_BENCH_PROGRAMS_KERNEL_H_

#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

struct sched_entity {
  __u64 sum_exec_runtime;
} __attribute__((preserve_access_index));

struct task_struct {
  int pid;
  int tgid;
  struct sched_entity se;
} __attribute__((preserve_access_index));

#define ON_SCHED_SWITCH(prev, next) \
  SEC("tp_btf/sched_switch")        \
  int BPF_PROG(on_sched_switch, _Bool preempt, struct task_struct *prev, struct task_struct *next)

#endif /* VRAPL_BENCH_PROGRAMS_KERNEL_H_ */
