// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Not at a switch: an iterator over threads that writes the id and the scheduler's sum of each. */
#include "bench/programs/kernel.h"

#include "bench/programs/task_sum.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct seq_file;
struct bpf_iter_meta {
  struct seq_file *seq;
} __attribute__((preserve_access_index));

struct bpf_iter__task {
  struct bpf_iter_meta *meta;
  struct task_struct *task;
} __attribute__((preserve_access_index));

SEC("iter/task")
int write_sum(struct bpf_iter__task *ctx) {
  struct task_struct *task = ctx->task;
  if (!task) return 0; /* the call that ends the list */
  struct task_sum sum = {.tid = task->pid, .tgid = task->tgid, .run_time = task->se.sum_exec_runtime};
  bpf_seq_write(ctx->meta->seq, &sum, sizeof(sum));
  return 0;
}
