// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The sched_process_fork program: one event for each new thread or process, before that runs for the first time.
 *
 * Source: Linux kernel/fork.c, kernel_clone(): the tracepoint comes between copy_process() and wake_up_new_task(), and
 * `parent` is the thread that calls.
 */
#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "bpf/fork_log_format.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct task_struct {
  int pid;
  int tgid;
  __u64 start_boottime;
} __attribute__((preserve_access_index));

struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, VRAPL_FORK_RING_BYTES);
} forks SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u64);
} dropped SEC(".maps");

static __always_inline struct fork_event *reserve(void) {
  struct fork_event *event = bpf_ringbuf_reserve(&forks, sizeof(*event), 0);
  if (event) return event;
  __u32 key = 0;
  __u64 *count = bpf_map_lookup_elem(&dropped, &key);
  if (count) __sync_fetch_and_add(count, 1);
  return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child) {
  struct fork_event *event = reserve();
  if (!event) return 0;
  event->parent_start = parent->start_boottime;
  event->child_start = child->start_boottime;
  event->parent_tid = parent->pid;
  event->parent_tgid = parent->tgid;
  event->child_tid = child->pid;
  event->child_tgid = child->tgid;
  /* The reader looks by itself: waking it would be a switch of our own making. */
  bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
  return 0;
}

/* The same for kernels without BPF trampolines. */
SEC("raw_tp/sched_process_fork")
int BPF_PROG(on_fork_raw, struct task_struct *parent, struct task_struct *child) {
  struct fork_event *event = reserve();
  if (!event) return 0;
  event->parent_start = BPF_CORE_READ(parent, start_boottime);
  event->child_start = BPF_CORE_READ(child, start_boottime);
  event->parent_tid = BPF_CORE_READ(parent, pid);
  event->parent_tgid = BPF_CORE_READ(parent, tgid);
  event->child_tid = BPF_CORE_READ(child, pid);
  event->child_tgid = BPF_CORE_READ(child, tgid);
  bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
  return 0;
}
