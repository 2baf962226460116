// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Start and total of each thread in storage that hangs on the thread: one clock read, two look-ups without a hash. */
#include "bench/programs/kernel.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct run_time {
  __u64 start;
  __u64 total;
};

struct {
  __uint(type, BPF_MAP_TYPE_TASK_STORAGE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, int);
  __type(value, struct run_time);
} run_times SEC(".maps");

ON_SCHED_SWITCH(prev, next) {
  __u64 now = bpf_ktime_get_ns();
  struct run_time *left = bpf_task_storage_get(&run_times, prev, 0, 0);
  if (left) left->total += now - left->start;
  struct run_time *entered = bpf_task_storage_get(&run_times, next, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
  if (entered) entered->start = now;
  return 0;
}
