#include "bpf/run_time_reader.h"

#include <algorithm>

namespace vrapl {

RunTimeReader::RunTimeReader(SwitchLog& log, absl::Span<const int> cpus, int64_t start_ns)
    : log_(log), number_(log.NewReader()), t_ns_(start_ns) {
  cpus_.reserve(static_cast<size_t>(log.possible_cpus()));
  for (const int cpu : cpus) Add(cpu, start_ns);
  SetRange();
}

void RunTimeReader::Add(int cpu, int64_t start_ns) {
  if (cpu >= log_.possible_cpus()) return;  // has no log: a CPU of another machine
  // The last record tells who is on the CPU now; older ones tell nothing about the time from start_ns on.
  const uint64_t head = log_.Head(cpu);
  cpus_.push_back({.cpu = cpu, .tail = head == 0 ? 0 : head - 1, .offset = {}, .timeline = CpuTimeline(start_ns)});
}

void RunTimeReader::SetRange() {
  first_cpu_ = end_cpu_ = cpus_.empty() ? 0 : cpus_.front().cpu;
  for (const Cpu& cpu : cpus_) {
    first_cpu_ = std::min(first_cpu_, cpu.cpu);
    end_cpu_ = std::max(end_cpu_, cpu.cpu + 1);
  }
}

void RunTimeReader::CoverCpus(absl::Span<const int> cpus) {
  for (auto cpu = cpus_.begin(); cpu != cpus_.end();) {
    if (std::find(cpus.begin(), cpus.end(), cpu->cpu) != cpus.end()) {
      ++cpu;
      continue;
    }
    log_.WantObservation(cpu->cpu, 0);
    gone_time_ += cpu->timeline.total();
    gone_gaps_ += cpu->timeline.gaps();
    cpu = cpus_.erase(cpu);
  }
  for (const int cpu : cpus) {
    const bool known = std::any_of(cpus_.begin(), cpus_.end(), [cpu](const Cpu& other) { return other.cpu == cpu; });
    if (!known) Add(cpu, t_ns_);
  }
  SetRange();
}

void RunTimeReader::Read(int64_t t_ns, RunTimeWindow& window) {
  bool any_quiet = false;
  for (const Cpu& cpu : cpus_) {
    const bool quiet = log_.Head(cpu.cpu) == cpu.tail;
    log_.WantObservation(cpu.cpu, quiet ? number_ : 0);
    any_quiet = any_quiet || quiet;
  }
  // Looked at before the logs are drained: a switch count ahead of the log is then one that was not reported.
  if (any_quiet) log_.Observe(first_cpu_, end_cpu_, number_);

  for (Cpu& cpu : cpus_) {
    uint64_t clock = 0;
    uint64_t monotonic = 0;
    if (log_.ReadClockPair(cpu.cpu, clock, monotonic)) cpu.offset.AddPair(clock, monotonic);
    if (cpu.offset.known()) {
      const uint64_t lost = log_.ForEachRecord(cpu.cpu, cpu.tail, [&](const switch_record& record) {
        const int64_t at_ns = cpu.offset.ToMonotonic(record.clock);
        if (at_ns > t_ns) return false;  // after the instant asked for: the next window's
        cpu.timeline.OnRecord(record, at_ns, window);
        return true;
      });
      lost_records_ += lost;  // the switch count steps over them: the time line sees the gap by itself
      const cpu_observation observation = log_.Observation(cpu.cpu);
      if (observation.wanted == number_ && observation.valid) {
        cpu.timeline.OnObservation(observation, cpu.offset.ToMonotonic(observation.clock), t_ns, window);
      }
    }
    cpu.timeline.AdvanceTo(t_ns, window);
  }
  t_ns_ = std::max(t_ns_, t_ns);
}

CpuTime RunTimeReader::total() const {
  CpuTime sum = gone_time_;
  for (const Cpu& cpu : cpus_) sum += cpu.timeline.total();
  return sum;
}

uint64_t RunTimeReader::gaps() const {
  uint64_t sum = gone_gaps_;
  for (const Cpu& cpu : cpus_) sum += cpu.timeline.gaps();
  return sum;
}

}  // namespace vrapl
