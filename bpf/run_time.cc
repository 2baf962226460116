#include "bpf/run_time.h"

#include <algorithm>

namespace vrapl {

RunTimeWindow::RunTimeWindow() : slots_(2 * kMaxThreads) { threads_.reserve(most_threads_); }

void RunTimeWindow::TellCores(size_t cores) {
  cores_.resize(cores);
  most_threads_ = kByCore * kMaxThreads;
  slots_.assign(2 * most_threads_, Slot{});
  threads_.reserve(most_threads_);
}

bool RunTimeWindow::AddThread(const ThreadRun& run) {
  // Fibonacci hashing: consecutive thread ids, the usual case, land far apart.
  const auto mask = static_cast<uint32_t>(slots_.size() - 1);
  uint32_t slot = ((run.tid + static_cast<uint32_t>(run.core + 1) * 40503u) * 2654435769u) & mask;
  while (slots_[slot].stamp == stamp_) {
    ThreadRun& thread = threads_[slots_[slot].index];
    // Another process or another start: a new thread with an old number.
    if (thread.tid == run.tid && thread.tgid == run.tgid && thread.start_ns == run.start_ns &&
        thread.core == run.core) {
      thread.run_ns += run.run_ns;
      thread.solo_ns += run.solo_ns;
      thread.shared_ns += run.shared_ns;
      Add(&CpuTime::run_ns, run.run_ns, run.core);
      return true;
    }
    slot = (slot + 1) & mask;
  }
  if (threads_.size() == most_threads_) {
    AddUnreported(run.run_ns, run.core);
    return false;
  }
  slots_[slot] = {.stamp = stamp_, .index = static_cast<uint32_t>(threads_.size())};
  threads_.push_back(run);
  Add(&CpuTime::run_ns, run.run_ns, run.core);
  return true;
}

void RunTimeWindow::Clear() {
  time_ = {};
  std::fill(cores_.begin(), cores_.end(), CpuTime{});
  threads_.clear();
  if (++stamp_ == 0) {  // once in 2^32 windows: an old stamp must not look like the new one
    std::fill(slots_.begin(), slots_.end(), Slot{});
    stamp_ = 1;
  }
}

void ClockOffset::AddPair(uint64_t clock, uint64_t monotonic) {
  const int64_t candidate = static_cast<int64_t>(monotonic - clock);
  if (!known_) {
    known_ = true;
    offset_ns_ = least_ns_ = last_least_ns_ = candidate;
    pair_clock_ = block_clock_ = clock;
    return;
  }
  const int64_t elapsed = std::max<int64_t>(0, static_cast<int64_t>(clock - pair_clock_));
  pair_clock_ = clock;
  least_ns_ = std::min(least_ns_, candidate);
  const int64_t way = std::min(least_ns_, last_least_ns_) - offset_ns_;
  if (way < 0 && (first_block_ || way < -kStepNs)) {
    offset_ns_ += way;
  } else {
    const double part = std::min(1.0, static_cast<double>(elapsed) / kBlockNs);
    const double most = static_cast<double>(elapsed) * kMaxSlewPpm * 1e-6;
    offset_ns_ += static_cast<int64_t>(std::clamp(part * static_cast<double>(way), -most, most));
  }
  if (static_cast<int64_t>(clock - block_clock_) >= kBlockNs) {
    first_block_ = false;
    block_clock_ = clock;
    last_least_ns_ = least_ns_;
    least_ns_ = candidate;
  }
}

void CpuTimeline::LearnLost(uint64_t clock, uint64_t clock_task, uint32_t irq) {
  clock_ = clock;
  clock_task_ = clock_task;
  const uint64_t lost_clock = clock - clock_task;
  if (lost_known_ && lost_clock <= lost_clock_) return;
  if (lost_known_) {
    const uint64_t lost = lost_clock - lost_clock_;
    const uint64_t in_irq = std::min<uint64_t>(irq - irq_clock_, lost);
    irq_pending_ns_ += static_cast<int64_t>(in_irq);
    stolen_pending_ns_ += static_cast<int64_t>(lost - in_irq);
  }
  lost_known_ = true;
  lost_clock_ = lost_clock;
  irq_clock_ = irq;
}

// Takes what is pending from the slice, as far as the slice goes.
int64_t CpuTimeline::Take(int64_t& pending_ns, int64_t& length) const {
  const int64_t taken = std::min(pending_ns, length);
  pending_ns -= taken;
  length -= taken;
  return taken;
}

void CpuTimeline::Settle(int64_t until_ns, bool reported, RunTimeWindow& window) {
  if (until_ns <= settled_ns_) return;
  const int64_t wall = until_ns - settled_ns_;
  int64_t length = wall;
  settled_ns_ = until_ns;

  if (const int64_t stolen = Take(stolen_pending_ns_, length); stolen > 0) {
    window.AddStolen(stolen, core_);
    total_.stolen_ns += stolen;
  }
  if (const int64_t irq = Take(irq_pending_ns_, length); irq > 0) {
    window.AddIrq(irq, core_);
    total_.irq_ns += irq;
  }
  const int64_t solo = has_siblings_ ? solo_ns_ : wall;
  const int64_t shared = has_siblings_ ? shared_ns_ : 0;
  solo_ns_ = shared_ns_ = 0;
  if (!reported) {
    window.AddUnreported(length, core_);
    total_.unreported_ns += length;
  } else if (tid_ == 0) {
    window.AddIdle(length, core_);
    total_.idle_ns += length;
  } else if (length > 0) {
    ThreadRun run{.tid = tid_,
                  .tgid = tgid_ & ~VRAPL_KERNEL_THREAD,
                  .task_flags = (tgid_ & VRAPL_KERNEL_THREAD) != 0 ? kTaskKernelThread : 0,
                  .start_ns = start_ns_,
                  .run_ns = length,
                  .core = core_};
    // Where in the slice it was stolen from, nobody knows: alike from what was solo and what was shared.
    run.solo_ns =
        solo == wall
            ? length
            : static_cast<int64_t>(static_cast<double>(solo) / static_cast<double>(wall) * static_cast<double>(length));
    run.shared_ns = solo + shared == wall
                        ? length - run.solo_ns
                        : static_cast<int64_t>(static_cast<double>(shared) / static_cast<double>(wall) *
                                               static_cast<double>(length));
    (window.AddThread(run) ? total_.run_ns : total_.unreported_ns) += length;
  }
}

// At the end of a slice: what is still pending was the slice's, and will be another's.
void CpuTimeline::CountLatePending() {
  const int64_t pending_ns = stolen_pending_ns_ + irq_pending_ns_;
  late_ns_ += pending_ns - std::min(late_pending_ns_, pending_ns);
  late_pending_ns_ = pending_ns;
}

void CpuTimeline::OnRecord(const switch_record& record, int64_t at_ns, RunTimeWindow& window) {
  // A count that has not moved since an observation is the very switch that the observation saw coming.
  const uint32_t step = record.switches - switches_;
  const bool gap = switches_known_ && step != 1 && !(step == 0 && !current_known_);
  if (gap) ++gaps_;
  // This record is one of them; where an observation has counted it before, it is taken back.
  if (switches_known_) unreported_switches_ += static_cast<int32_t>(step) - 1;
  // What was stolen before the start is nobody's: a CPU may have been away for long.
  if (at_ns >= begin_ns_) LearnLost(record.clock, record.clock_task, record.irq);
  if (switches_known_ && step == 0 && !current_known_) {
    late_ns_ += settled_ns_ - doubted_since_ns_;
    if (doubted_switches_ == 1) --gaps_;  // it was this switch, and it has a record
  }
  if (current_known_ && !gap) late_ns_ += std::max<int64_t>(0, settled_ns_ - at_ns);
  Settle(at_ns, current_known_ && !gap, window);
  CountLatePending();
  current_known_ = true;
  tid_ = record.tid;
  tgid_ = record.tgid;
  start_ns_ = record.start;
  switches_known_ = true;
  switches_ = record.switches;
}

void CpuTimeline::OnObservation(const cpu_observation& observation, int64_t at_ns, int64_t until_ns,
                                RunTimeWindow& window) {
  if (!observation.valid || !switches_known_ || at_ns > until_ns) return;
  const auto ahead = static_cast<int32_t>(observation.switches - switches_);
  if (ahead < 0) return;  // older than the last record: says nothing new
  // The queue's clock has moved on and its task clock not yet: it was being brought up to date when it was looked at.
  if (lost_known_ && observation.clock > clock_ && observation.clock_task == clock_task_) return;
  if (at_ns >= begin_ns_) LearnLost(observation.clock, observation.clock_task, observation.irq);
  if (ahead == 0) {
    Settle(at_ns, current_known_, window);
    return;
  }
  // Somebody came on without a record. Since when, the queue does not say: since the last time we knew.
  ++gaps_;
  unreported_switches_ += ahead;
  doubted_switches_ = ahead;
  if (current_known_) doubted_since_ns_ = settled_ns_;
  Settle(at_ns, false, window);
  current_known_ = false;
  switches_ = observation.switches;
}

}  // namespace vrapl
