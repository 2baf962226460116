#include "bpf/run_time.h"

#include <algorithm>

namespace vrapl {

RunTimeWindow::RunTimeWindow() : slots_(kSlots) { threads_.reserve(kMaxThreads); }

bool RunTimeWindow::AddThread(uint32_t tid, uint32_t tgid, uint32_t task_flags, int64_t ns) {
  // Fibonacci hashing: consecutive thread ids, the usual case, land far apart.
  uint32_t slot = (tid * 2654435769u) & (kSlots - 1);
  while (slots_[slot].stamp == stamp_) {
    ThreadRun& thread = threads_[slots_[slot].index];
    // A tid that changes its tgid within a window is a new thread with an old number.
    if (thread.tid == tid && thread.tgid == tgid) {
      thread.run_ns += ns;
      thread.task_flags = task_flags;
      time_.run_ns += ns;
      return true;
    }
    slot = (slot + 1) & (kSlots - 1);
  }
  if (threads_.size() == kMaxThreads) {
    time_.unreported_ns += ns;
    return false;
  }
  slots_[slot] = {.stamp = stamp_, .index = static_cast<uint32_t>(threads_.size())};
  threads_.push_back({.tid = tid, .tgid = tgid, .task_flags = task_flags, .run_ns = ns});
  time_.run_ns += ns;
  return true;
}

void RunTimeWindow::Clear() {
  time_ = {};
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
    offset_ns_ = candidate;
  } else if (candidate < offset_ns_) {
    offset_ns_ = candidate;
  } else {
    const int64_t elapsed = std::max<int64_t>(0, static_cast<int64_t>(clock - pair_clock_));
    const int64_t allowed = elapsed / 1'000'000 * kMaxSlewPpm + elapsed % 1'000'000 * kMaxSlewPpm / 1'000'000;
    offset_ns_ += std::min(candidate - offset_ns_, allowed);
  }
  pair_clock_ = clock;
}

void CpuTimeline::LearnStolen(uint64_t clock, uint64_t clock_task) {
  const uint64_t stolen_clock = clock - clock_task;
  if (stolen_known_ && stolen_clock > stolen_clock_) {
    stolen_pending_ns_ += static_cast<int64_t>(stolen_clock - stolen_clock_);
  }
  if (!stolen_known_ || stolen_clock > stolen_clock_) stolen_clock_ = stolen_clock;
  stolen_known_ = true;
}

void CpuTimeline::Settle(int64_t until_ns, bool reported, RunTimeWindow& window) {
  if (until_ns <= settled_ns_) return;
  int64_t length = until_ns - settled_ns_;
  settled_ns_ = until_ns;

  const int64_t stolen = std::min(stolen_pending_ns_, length);
  if (stolen > 0) {
    stolen_pending_ns_ -= stolen;
    length -= stolen;
    window.AddStolen(stolen);
    total_.stolen_ns += stolen;
  }
  if (!reported) {
    window.AddUnreported(length);
    total_.unreported_ns += length;
  } else if (tid_ == 0) {
    window.AddIdle(length);
    total_.idle_ns += length;
  } else if (window.AddThread(tid_, tgid_, task_flags_, length)) {
    total_.run_ns += length;
  } else {
    total_.unreported_ns += length;
  }
}

void CpuTimeline::OnRecord(const switch_record& record, int64_t at_ns, RunTimeWindow& window) {
  // A count that has not moved since an observation is the very switch that the observation saw coming.
  const uint32_t step = record.switches - switches_;
  const bool gap = switches_known_ && step != 1 && !(step == 0 && !current_known_);
  if (gap) ++gaps_;
  LearnStolen(record.clock, record.clock_task);
  Settle(at_ns, current_known_ && !gap, window);
  current_known_ = true;
  tid_ = record.tid;
  tgid_ = record.tgid;
  task_flags_ = record.task_flags;
  switches_known_ = true;
  switches_ = record.switches;
}

void CpuTimeline::OnObservation(const cpu_observation& observation, int64_t at_ns, int64_t until_ns,
                                RunTimeWindow& window) {
  if (!observation.valid || !switches_known_ || at_ns > until_ns) return;
  const auto ahead = static_cast<int32_t>(observation.switches - switches_);
  if (ahead < 0) return;  // older than the last record: says nothing new
  LearnStolen(observation.clock, observation.clock_task);
  if (ahead == 0) {
    Settle(at_ns, current_known_, window);
    return;
  }
  // Somebody came on without a record. Since when, the queue does not say: since the last time we knew.
  ++gaps_;
  Settle(at_ns, false, window);
  current_known_ = false;
  switches_ = observation.switches;
}

}  // namespace vrapl
