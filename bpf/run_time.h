// From switch records to run time: who was on each CPU, for every nanosecond between two instants. Pure arithmetic on
// records and instants; knows no file, clock or BPF, and is tested without them.
//
// Law: on each CPU, idle + run + stolen + unreported = the time between the instants, 0 ns left over.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "base/run_time_types.h"
#include "bpf/switch_log_format.h"

namespace vrapl {

// The rows of one window of one package. Fixed capacity: what finds no place is added to unreported_ns, never lost.
class RunTimeWindow {
 public:
  static constexpr int kMaxThreads = 8192;

  RunTimeWindow();

  void AddIdle(int64_t ns) { time_.idle_ns += ns; }
  void AddStolen(int64_t ns) { time_.stolen_ns += ns; }
  void AddUnreported(int64_t ns) { time_.unreported_ns += ns; }
  // False when the table was full and the time went to unreported_ns.
  bool AddThread(uint32_t tid, uint32_t tgid, uint32_t task_flags, int64_t ns);

  const CpuTime& time() const { return time_; }                     // of all CPUs of the package together
  absl::Span<const ThreadRun> threads() const { return threads_; }  // those that ran, in the order met
  void Clear();

 private:
  struct Slot {
    uint32_t stamp = 0;  // slot is in use when this equals stamp_: clearing the table is one increment
    uint32_t index = 0;
  };
  static constexpr uint32_t kSlots = 2 * kMaxThreads;

  CpuTime time_;
  uint32_t stamp_ = 1;
  std::vector<Slot> slots_;
  std::vector<ThreadRun> threads_;
};

// Maps a CPU's scheduler clock to CLOCK_MONOTONIC. Each pair reads MONOTONIC a little after the scheduler read its own
// clock, so every pair's difference is the offset plus a delay of at least 0: the smallest is the best. The two clocks
// drift (NTP slews one of them), so the estimate may rise, but no faster than a slew can.
class ClockOffset {
 public:
  bool known() const { return known_; }
  void AddPair(uint64_t clock, uint64_t monotonic);
  int64_t ToMonotonic(uint64_t clock) const { return static_cast<int64_t>(clock) + offset_ns_; }

 private:
  static constexpr int64_t kMaxSlewPpm = 500;  // adjtimex(2): the kernel's limit for frequency correction
  bool known_ = false;
  int64_t offset_ns_ = 0;
  uint64_t pair_clock_ = 0;
};

// One CPU's time line. Feed it records and observations in the order they were made, then AdvanceTo the instant asked
// for. All *_ns instants are CLOCK_MONOTONIC; one that lies before what is already settled counts as "now".
class CpuTimeline {
 public:
  // Begins at `start_ns`, not knowing who runs.
  explicit CpuTimeline(int64_t start_ns) : settled_ns_(start_ns) {}

  // `record`'s thread is on the CPU from at_ns on. A slice ends here, whoever the kernel says was there before.
  void OnRecord(const switch_record& record, int64_t at_ns, RunTimeWindow& window);

  // The run queue was looked at; at_ns is its clock. Make it before the records up to until_ns are drained, apply it
  // after: then a switch count ahead of the last record's means a switch that the kernel did not report. A queue that
  // moved on after until_ns tells nothing: the switch it counts may have its record in the next window.
  void OnObservation(const cpu_observation& observation, int64_t at_ns, int64_t until_ns, RunTimeWindow& window);

  // Settles everything up to the instant t_ns, the running slice included.
  void AdvanceTo(int64_t t_ns, RunTimeWindow& window) { Settle(t_ns, current_known_, window); }

  int64_t settled_ns() const { return settled_ns_; }
  const CpuTime& total() const { return total_; }  // since start_ns; total().total_ns() == settled_ns() - start_ns
  uint64_t gaps() const { return gaps_; }          // how often the switch count stepped by more than one

 private:
  void Settle(int64_t until_ns, bool reported, RunTimeWindow& window);
  void LearnStolen(uint64_t clock, uint64_t clock_task);

  int64_t settled_ns_;
  bool current_known_ = false;
  uint32_t tid_ = 0;
  uint32_t tgid_ = 0;
  uint32_t task_flags_ = 0;
  bool switches_known_ = false;
  uint32_t switches_ = 0;
  bool stolen_known_ = false;
  uint64_t stolen_clock_ = 0;      // rq->clock - rq->clock_task when last seen: all that was ever stolen
  int64_t stolen_pending_ns_ = 0;  // learned of, not yet taken from a slice
  CpuTime total_;
  uint64_t gaps_ = 0;
};

}  // namespace vrapl
