// What one instant of one package looked like: its counters, and who ran since the instant before.
#pragma once

#include <cstdint>

#include "absl/types/span.h"
#include "base/run_time_types.h"

namespace vrapl {

// The sampler had been locked to the counter's own updates and saw one: t_ns is that update, not a moment in between,
// and skew_ns the time from the last read of the old value to the end of the read of all domains.
inline constexpr uint32_t kSampleAtEdge = 1 << 0;
// It was, and no update came within the time that one may take, or the thread was held up between it and the end of the
// read: t_ns is the middle of the read.
inline constexpr uint32_t kSampleMissedEdge = 1 << 1;
// With kSampleAtEdge: one update or more went by since the sample before, and this one has the energy of all.
inline constexpr uint32_t kSampleDouble = 1 << 2;

// One read of one package: cumulative energy at t_ns, and who ran between the sample before and this one.
struct SampleHeader {
  int64_t t_ns = 0;          // the instant that energy and run time are for: the middle of the energy read
  int64_t dt_ns = 0;         // since the previous sample's t_ns
  int64_t skew_ns = 0;       // how long the energy read took: the instant is known to half of it
  int64_t late_ns = 0;       // how long after its deadline the thread woke; of several wakes, the latest
  int64_t suspended_ns = 0;  // the machine slept for this long in this window, beside dt_ns
  CpuTime time;              // of all CPUs of the package, in this window
  uint32_t cpus = 0;         // of the package, online: time.total_ns() is cpus x dt_ns
  uint32_t domains = 0;
  uint32_t threads = 0;
  uint32_t flags = 0;  // kSample...
  uint32_t cores = 0;  // 0: run time is not told by core
  uint32_t unused = 0;
};

struct Sample {
  SampleHeader header;
  absl::Span<const uint64_t> ticks;  // per domain, cumulative
  absl::Span<const int32_t> errors;  // per domain, errno of a failed read or 0
  absl::Span<const ThreadRun> threads;
  // Per RaplDomain::kCore of the package, in their order: what the CPUs of that core did. None where run time is not
  // told by core.
  absl::Span<const CpuTime> cores;
};

}  // namespace vrapl
