// PerfGroup: events of one CPU that the kernel starts, stops and reads together. One read() gives all of them.
//
// Threads: one at a time. Read() and Reopen() do not allocate.
// Source: perf_event_open(2), "Reading results"; Linux kernel/events/core.c, perf_read_group() and perf_group_detach().
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"
#include "base/clock.h"
#include "base/posix.h"
#include "perf/perf_event.h"

namespace vrapl {

class PerfGroup {
 public:
  static constexpr size_t kMaxEvents = 8;
  // For how long the kernel's own count of the group's running time may stand still: a clock of the kernel can be as
  // coarse as its tick, and a group that does not run is not counting.
  static constexpr int64_t kStandstillNs = 100 * kNanosPerMilli;

  // `events` must outlive the group.
  PerfGroup(PerfEvents& events, int cpu) : kernel_(&events), cpu_(cpu) {}

  // Opens `event` as one more member, the first as leader. Returns 0, or the errno and leaves the group as it was.
  int Add(const PerfEvent& event);

  // Lets all members count, after the last Add(). Returns 0, or the errno.
  int Start();

  // Fills values[i] with the count of the i-th member since Start(). `values` has room for size() or more; now_ns
  // is CLOCK_MONOTONIC at about the time of the call. Returns 0, or:
  //   ENODEV   the group counts no longer: the kernel ended it, took it apart, or stopped it. Its CPU went offline, or
  //            its PMU went away.
  //   else     the errno of the read.
  // On an error `values` is as it was.
  int Read(int64_t now_ns, absl::Span<uint64_t> values);

  // Opens and starts the same events on another CPU, or on the same again. They count from 0. Returns 0, or the errno
  // and goes on with the old ones.
  int Reopen(int cpu);

  int cpu() const { return cpu_; }
  size_t size() const { return size_; }

 private:
  PerfEvents* kernel_;
  int cpu_;
  size_t size_ = 0;
  std::array<PerfEvent, kMaxEvents> events_;
  std::array<UniqueFd, kMaxEvents> fds_;
  uint64_t running_ns_ = 0;  // by the kernel's count, at the last read
  int64_t moved_ns_ = 0;     // when that last changed, by ours; 0: not read yet
};

}  // namespace vrapl
