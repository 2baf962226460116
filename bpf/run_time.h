// From switch records to run time: who was on each CPU, for every nanosecond between two instants. Pure arithmetic on
// records and instants; knows no file, clock or BPF, and is tested without them.
//
// Law: on each CPU, idle + run + interrupts + stolen + unreported = the time between the instants, 0 ns left over.
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

  // From now on the time of so many cores is told apart as well. Before the first window; allocates.
  void TellCores(size_t cores);

  // `core`: which of them it was on, or kAllCores.
  void AddIdle(int64_t ns, int core = kAllCores) { Add(&CpuTime::idle_ns, ns, core); }
  void AddIrq(int64_t ns, int core = kAllCores) { Add(&CpuTime::irq_ns, ns, core); }
  void AddStolen(int64_t ns, int core = kAllCores) { Add(&CpuTime::stolen_ns, ns, core); }
  void AddUnreported(int64_t ns, int core = kAllCores) { Add(&CpuTime::unreported_ns, ns, core); }
  // Adds what `run` says to the row of its thread, on its core. False when the table was full and the time went to
  // unreported_ns.
  bool AddThread(const ThreadRun& run);

  const CpuTime& time() const { return time_; }                     // of all CPUs of the package together
  absl::Span<const ThreadRun> threads() const { return threads_; }  // those that ran, in the order met
  absl::Span<const CpuTime> cores() const { return cores_; }        // none unless TellCores() was called
  void Clear();

 private:
  void Add(int64_t CpuTime::*part, int64_t ns, int core) {
    time_.*part += ns;
    if (core >= 0) cores_[static_cast<size_t>(core)].*part += ns;
  }

  struct Slot {
    uint32_t stamp = 0;  // slot is in use when this equals stamp_: clearing the table is one increment
    uint32_t index = 0;
  };
  // Threads go from core to core: with cores told apart there is room for so many entries more.
  static constexpr size_t kByCore = 4;

  size_t most_threads_ = kMaxThreads;

  CpuTime time_;
  uint32_t stamp_ = 1;
  std::vector<Slot> slots_;
  std::vector<ThreadRun> threads_;
  std::vector<CpuTime> cores_;
};

// Maps a CPU's scheduler clock to CLOCK_MONOTONIC. Each pair reads MONOTONIC a little after the scheduler read its own
// clock, so every pair's difference is the offset plus a delay of at least 0: the smallest is the best. The two clocks
// drift (NTP slews one of them), so the estimate goes towards the smallest of a block of pairs, over the length of a
// block. It must not follow single pairs: every step of it makes the slice in which it falls longer or shorter. At once
// it takes only what proves it far off: in its first block, and where a clock was set.
class ClockOffset {
 public:
  bool known() const { return known_; }
  void AddPair(uint64_t clock, uint64_t monotonic);
  int64_t ToMonotonic(uint64_t clock) const { return static_cast<int64_t>(clock) + offset_ns_; }

 private:
  static constexpr int64_t kMaxSlewPpm = 500;  // adjtimex(2): the kernel's limit for frequency correction
  static constexpr int64_t kBlockNs = 64'000'000;
  static constexpr int64_t kStepNs = 100'000;
  bool known_ = false;
  bool first_block_ = true;
  int64_t offset_ns_ = 0;
  uint64_t pair_clock_ = 0;
  uint64_t block_clock_ = 0;   // when the block began
  int64_t least_ns_ = 0;       // of the block so far
  int64_t last_least_ns_ = 0;  // of the block before
};

// What runs on the SMT siblings of a CPU.
enum class Beside { kNothing, kSomething, kUnknown };

// One CPU's time line. Feed it records and observations in the order they were made, then AdvanceTo the instant asked
// for. All *_ns instants are CLOCK_MONOTONIC; one that lies before what is already settled counts as "now".
class CpuTimeline {
 public:
  // Begins at `start_ns`, not knowing who runs.   `has_siblings`: others run on the same core, and PassBeside() tells
  // what; else a thread here always has its core to itself.
  explicit CpuTimeline(int64_t start_ns, bool has_siblings = false)
      : begin_ns_(start_ns), settled_ns_(start_ns), has_siblings_(has_siblings) {}

  // `record`'s thread is on the CPU from at_ns on. A slice ends here, whoever the kernel says was there before.
  void OnRecord(const switch_record& record, int64_t at_ns, RunTimeWindow& window);

  // The run queue was looked at; at_ns is its clock. Make it before the records up to until_ns are drained, apply it
  // after: then a switch count ahead of the last record's means a switch that the kernel did not report. A queue that
  // moved on after until_ns tells nothing: the switch it counts may have its record in the next window.
  void OnObservation(const cpu_observation& observation, int64_t at_ns, int64_t until_ns, RunTimeWindow& window);

  // Whether `observation` would make a switch known that has no record so far.
  bool WouldDoubt(const cpu_observation& observation) const {
    return switches_known_ && static_cast<int32_t>(observation.switches - switches_) > 0;
  }

  // Settles everything up to the instant t_ns, the running slice included.
  void AdvanceTo(int64_t t_ns, RunTimeWindow& window) { Settle(t_ns, current_known_, window); }

  // `ns` more have passed since the last instant settled or passed, with this beside.
  void PassBeside(Beside beside, int64_t ns) {
    solo_ns_ += beside == Beside::kNothing ? ns : 0;
    shared_ns_ += beside == Beside::kSomething ? ns : 0;
  }
  // What a sibling sees here, as far as this time line knows at the moment.
  Beside seen_from_beside() const {
    if (!current_known_) return Beside::kUnknown;
    return tid_ == 0 ? Beside::kNothing : Beside::kSomething;
  }
  // CPUs of its core came or went.
  void SetSiblings(bool has_siblings) { has_siblings_ = has_siblings; }
  // Which of the cores that the window tells apart it is on; kAllCores: none of them.
  void SetCore(int core) { core_ = core; }

  int64_t settled_ns() const { return settled_ns_; }
  const CpuTime& total() const { return total_; }  // since start_ns; total().total_ns() == settled_ns() - start_ns
  uint64_t gaps() const { return gaps_; }          // how often the switch count stepped by more than one
  int64_t unreported_switches() const { return unreported_switches_; }  // how many switches these were
  // Time that became known too late for the thread whose it was, because windows do not wait: stolen and interrupt time
  // of a slice that had been settled and was over, switches that were settled past before their record was there (the
  // CPU was held up between the scheduler's look at its clock and the record), and doubt that proved unfounded. Rows of
  // threads are wrong by this much, all together.
  int64_t late_ns() const { return late_ns_; }

 private:
  void Settle(int64_t until_ns, bool reported, RunTimeWindow& window);
  void CountLatePending();
  void LearnLost(uint64_t clock, uint64_t clock_task, uint32_t irq);
  int64_t Take(int64_t& pending_ns, int64_t& length) const;

  int64_t begin_ns_;
  int64_t settled_ns_;
  bool has_siblings_;
  int core_ = kAllCores;
  bool current_known_ = false;
  uint32_t tid_ = 0;
  uint32_t tgid_ = 0;  // with VRAPL_KERNEL_THREAD
  uint64_t start_ns_ = 0;
  bool switches_known_ = false;
  uint32_t switches_ = 0;
  // rq->clock runs on while rq->clock_task stands still: stolen time and, where the kernel keeps it, interrupts.
  bool lost_known_ = false;
  uint64_t clock_ = 0;  // both when last seen
  uint64_t clock_task_ = 0;
  uint64_t lost_clock_ = 0;        // all that was ever lost, when last seen
  uint32_t irq_clock_ = 0;         // interrupts among it
  int64_t stolen_pending_ns_ = 0;  // learned of, not yet taken from a slice
  int64_t irq_pending_ns_ = 0;
  int64_t late_pending_ns_ = 0;  // of what is pending, what is already in late_ns_
  int64_t late_ns_ = 0;
  int64_t doubted_since_ns_ = 0;  // from here on unreported because of the last observation
  int32_t doubted_switches_ = 0;
  // Since settled_ns_, by what ran beside.
  int64_t solo_ns_ = 0;
  int64_t shared_ns_ = 0;
  CpuTime total_;
  uint64_t gaps_ = 0;
  int64_t unreported_switches_ = 0;
};

}  // namespace vrapl
