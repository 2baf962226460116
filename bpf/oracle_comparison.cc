#include "bpf/oracle_comparison.h"

#include <time.h>

#include <cstdlib>

#include "base/clock.h"

namespace vrapl {

OracleComparison::OracleComparison(const SwitchLog& log, RunTimeOracle& oracle, absl::Span<const int> cpus)
    : log_(log), oracle_(oracle), untold_(static_cast<size_t>(log.possible_cpus())), match_(log.possible_cpus()) {
  for (const int cpu : cpus) {
    if (cpu >= log.possible_cpus()) continue;
    cpus_.push_back({.cpu = cpu, .tail = log.Head(cpu), .offset = {}, .timeline = std::nullopt});
  }
}

void OracleComparison::Tell(Cpu& cpu, const switch_record& record) {
  const int64_t at_ns = cpu.offset.ToMonotonic(record.clock);
  if (!cpu.timeline.has_value()) cpu.timeline.emplace(at_ns);
  const uint64_t gaps = cpu.timeline->gaps();
  window_.Clear();
  cpu.timeline->OnRecord(record, at_ns, window_);
  SliceEnd end{.number = record.switches + cpu.number_ahead.value_or(0),
               .thread = {.tid = cpu.last.tid, .start_ns = cpu.last.start},
               .next_tid = record.tid,
               .known = cpu.records > 0 && cpu.timeline->gaps() == gaps,
               .run_ns = window_.time().run_ns};
  match_.OnLog(cpu.cpu, end);
  cpu.last = record;
  ++cpu.records;
}

void OracleComparison::DrainLog(Cpu& cpu) {
  uint64_t clock = 0;
  uint64_t monotonic = 0;
  if (log_.ReadClockPair(cpu.cpu, clock, monotonic)) cpu.offset.AddPair(clock, monotonic);
  if (!cpu.offset.known()) return;
  lost_records_ += log_.ForEachRecord(cpu.cpu, cpu.tail, [&](const switch_record& record) {
    const bool ktime = UsesKtime(log_.method());
    if (ktime && !cpu.number_ahead.has_value()) {
      // The same switch is the one that is told of at about the same time.
      const Told* nearest = nullptr;
      const auto distance = [&](const Told& told) {
        return std::llabs(static_cast<int64_t>(told.monotonic - record.clock));
      };
      for (const Told& told : untold_[static_cast<size_t>(cpu.cpu)]) {
        if (told.end.next_tid != record.tid) continue;
        if (nearest == nullptr || distance(told) < distance(*nearest)) nearest = &told;
      }
      if (nearest == nullptr || distance(*nearest) > 100'000) return true;  // not ours to compare yet
      cpu.number_ahead = nearest->seen - record.switches;
    }
    Tell(cpu, record);
    return true;
  });
}

void OracleComparison::Drain() {
  oracle_.Drain([&](const switch_out& out) {
    if (out.cpu >= untold_.size()) return;
    untold_[out.cpu].push_back({accounts_.OnSwitchOut(out), out.seen, out.monotonic});
  });
  const bool ktime = UsesKtime(log_.method());
  for (Cpu& cpu : cpus_) {
    std::vector<Told>& untold = untold_[static_cast<size_t>(cpu.cpu)];
    DrainLog(cpu);
    for (Told& told : untold) {
      if (ktime) told.end.number = told.seen;
      match_.OnAccount(cpu.cpu, told.end);
    }
  }
  for (std::vector<Told>& untold : untold_) untold.clear();
}

void OracleComparison::Mark() {
  Drain();
  timespec boot;
  ::clock_gettime(CLOCK_BOOTTIME, &boot);
  accounts_.Mark(static_cast<uint64_t>(boot.tv_sec) * kNanosPerSecond + static_cast<uint64_t>(boot.tv_nsec));
  for (const ThreadKey& thread : Running()) accounts_.Unknown(thread);
  match_.Mark();
}

std::vector<ThreadKey> OracleComparison::Running() const {
  std::vector<ThreadKey> running;
  for (const Cpu& cpu : cpus_) {
    if (cpu.last.tid != 0) running.push_back({.tid = cpu.last.tid, .start_ns = cpu.last.start});
  }
  return running;
}

}  // namespace vrapl
