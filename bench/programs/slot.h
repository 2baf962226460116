/* One value for each CPU in an array that user space maps. */
#ifndef VRAPL_BENCH_PROGRAMS_SLOT_H_
#define VRAPL_BENCH_PROGRAMS_SLOT_H_

#include "bench/programs/kernel.h"

/* A cache line of its own. */
struct slot {
  __u64 value;
  __u64 unused[7];
};

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 1); /* resized to the number of possible CPUs before loading */
  __type(key, __u32);
  __type(value, struct slot);
} slots SEC(".maps");

static __always_inline struct slot *this_cpu_slot(void) {
  __u32 cpu = bpf_get_smp_processor_id();
  return bpf_map_lookup_elem(&slots, &cpu);
}

#endif /* VRAPL_BENCH_PROGRAMS_SLOT_H_ */
