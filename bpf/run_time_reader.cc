#include "bpf/run_time_reader.h"

#include <algorithm>
#include <limits>

namespace vrapl {
namespace {

std::vector<CpuOnCore> EachOnItsOwn(absl::Span<const int> cpus) {
  std::vector<CpuOnCore> places;
  for (const int cpu : cpus) places.push_back({.cpu = cpu, .core = cpu});
  return places;
}

// What runs beside `cpu`, on the other CPUs of its core.
template <typename Cpu>
Beside WhatRunsBeside(absl::Span<const Cpu> core, const Cpu& cpu) {
  Beside beside = Beside::kNothing;
  for (const Cpu& other : core) {
    if (&other == &cpu) continue;
    const Beside seen = other.timeline.seen_from_beside();
    if (seen == Beside::kSomething) return seen;  // whatever the others do
    if (seen == Beside::kUnknown) beside = seen;
  }
  return beside;
}

}  // namespace

RunTimeReader::RunTimeReader(SwitchLog& log, absl::Span<const CpuOnCore> cpus, int64_t start_ns)
    : log_(log), number_(log.NewReader()), t_ns_(start_ns) {
  cpus_.reserve(static_cast<size_t>(log.possible_cpus()));
  for (const CpuOnCore& place : cpus) Add(place, start_ns);
  CpusHaveChanged();
}

RunTimeReader::RunTimeReader(SwitchLog& log, absl::Span<const int> cpus, int64_t start_ns)
    : RunTimeReader(log, EachOnItsOwn(cpus), start_ns) {}

void RunTimeReader::Add(const CpuOnCore& place, int64_t start_ns) {
  if (place.cpu >= log_.possible_cpus()) return;  // has no log: a CPU of another machine
  // The last record tells who is on the CPU now; older ones tell nothing about the time from start_ns on.
  const uint64_t head = log_.Head(place.cpu);
  cpus_.push_back({.cpu = place.cpu,
                   .core = place.core,
                   .core_id = place.core_id,
                   .tail = head == 0 ? 0 : head - 1,
                   .offset = {},
                   .timeline = CpuTimeline(start_ns)});
}

void RunTimeReader::CpusHaveChanged() {
  std::sort(cpus_.begin(), cpus_.end(),
            [](const Cpu& a, const Cpu& b) { return a.core != b.core ? a.core < b.core : a.cpu < b.cpu; });
  first_cpu_ = std::numeric_limits<int>::max();
  end_cpu_ = 0;
  for (size_t i = 0; i < cpus_.size(); ++i) {
    first_cpu_ = std::min(first_cpu_, cpus_[i].cpu);
    end_cpu_ = std::max(end_cpu_, cpus_[i].cpu + 1);
    cpus_[i].timeline.SetSiblings((i > 0 && cpus_[i - 1].core == cpus_[i].core) ||
                                  (i + 1 < cpus_.size() && cpus_[i + 1].core == cpus_[i].core));
    // Where two cores have one id, the counter is the first one's: the other's time is of no core that is counted.
    const auto told = std::find(core_ids_.begin(), core_ids_.end(), cpus_[i].core_id);
    const bool anothers =
        std::any_of(cpus_.begin(), cpus_.begin() + static_cast<std::ptrdiff_t>(i),
                    [&](const Cpu& other) { return other.core_id == cpus_[i].core_id && other.core != cpus_[i].core; });
    const bool counted = told != core_ids_.end() && !anothers;
    cpus_[i].timeline.SetCore(counted ? static_cast<int>(told - core_ids_.begin()) : kAllCores);
  }
}

void RunTimeReader::TellCores(absl::Span<const int> core_ids) {
  core_ids_.assign(core_ids.begin(), core_ids.end());
  CpusHaveChanged();
}

void RunTimeReader::CoverCpus(absl::Span<const CpuOnCore> cpus) {
  for (auto cpu = cpus_.begin(); cpu != cpus_.end();) {
    const auto place = std::find_if(cpus.begin(), cpus.end(), [&](const CpuOnCore& at) { return at.cpu == cpu->cpu; });
    if (place != cpus.end()) {
      cpu->core = place->core;
      cpu->core_id = place->core_id;
      ++cpu;
      continue;
    }
    log_.WantObservation(cpu->cpu, 0);
    gone_time_ += cpu->timeline.total();
    gone_gaps_ += cpu->timeline.gaps();
    gone_unreported_switches_ += cpu->timeline.unreported_switches();
    gone_late_ns_ += cpu->timeline.late_ns();
    cpu = cpus_.erase(cpu);
  }
  for (const CpuOnCore& place : cpus) {
    const bool known =
        std::any_of(cpus_.begin(), cpus_.end(), [&](const Cpu& other) { return other.cpu == place.cpu; });
    if (!known) Add(place, t_ns_);
  }
  CpusHaveChanged();
}

void RunTimeReader::Drain(Cpu& cpu, int64_t t_ns, RunTimeWindow& window) {
  const uint64_t lost = log_.ForEachRecord(cpu.cpu, cpu.tail, [&](const switch_record& record) {
    const int64_t at_ns = cpu.offset.ToMonotonic(record.clock);
    if (at_ns > t_ns) return false;  // after the instant asked for: the next window's
    cpu.timeline.OnRecord(record, at_ns, window);
    ++records_;
    return true;
  });
  lost_records_ += lost;  // the switch count steps over them: the time line sees the gap by itself
}

// The records of all siblings in the order of their instants, so that each slice knows what ran beside it.
void RunTimeReader::DrainCore(absl::Span<Cpu> siblings, int64_t t_ns, RunTimeWindow& window) {
  int64_t now_ns = t_ns_;
  const auto pass_to = [&](int64_t at_ns) {
    if (at_ns <= now_ns) return;
    for (Cpu& cpu : siblings) cpu.timeline.PassBeside(WhatRunsBeside<Cpu>(siblings, cpu), at_ns - now_ns);
    now_ns = at_ns;
  };
  for (;;) {
    Cpu* next = nullptr;
    switch_record next_record;
    int64_t next_ns = t_ns;
    for (Cpu& cpu : siblings) {
      if (!cpu.offset.known()) continue;
      lost_records_ += log_.ForEachRecord(cpu.cpu, cpu.tail, [&](const switch_record& record) {
        const int64_t at_ns = cpu.offset.ToMonotonic(record.clock);
        if (at_ns < next_ns || (at_ns == next_ns && next == nullptr)) {
          next = &cpu;
          next_record = record;
          next_ns = at_ns;
        }
        return false;  // looked at, not taken
      });
    }
    if (next == nullptr) break;
    ++next->tail;
    ++records_;
    pass_to(next_ns);
    // Two clocks of one core agree to a microsecond: what would lie before what was told is now.
    next->timeline.OnRecord(next_record, std::max(next_ns, now_ns), window);
  }
  for (Cpu& cpu : siblings) {
    cpu_observation observation;
    const std::optional<int64_t> at_ns = Observation(cpu, observation);
    if (!at_ns || *at_ns > t_ns) continue;
    pass_to(*at_ns);
    cpu.timeline.OnObservation(observation, now_ns, t_ns, window);
  }
  pass_to(t_ns);
}

// The queue counts a switch a moment before its record is there: that is no switch without a record. Waits no more than
// a few microseconds, and only where there is doubt.
bool RunTimeReader::RecordArrives(const Cpu& cpu) const {
  for (int i = 0; i < 100; ++i) {
    if (log_.Head(cpu.cpu) != cpu.tail) return true;
    __builtin_ia32_pause();
  }
  return false;
}

// The instant of the look at the CPU's queue; none when there was no good one.
std::optional<int64_t> RunTimeReader::Observation(const Cpu& cpu, cpu_observation& observation) const {
  observation = log_.Observation(cpu.cpu);
  if (observation.wanted != number_ || !observation.valid || !cpu.offset.known()) return std::nullopt;
  if (cpu.timeline.WouldDoubt(observation) && RecordArrives(cpu)) return std::nullopt;
  return cpu.offset.ToMonotonic(observation.clock);
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

  for (size_t first = 0; first < cpus_.size();) {
    size_t end = first + 1;
    while (end < cpus_.size() && cpus_[end].core == cpus_[first].core) ++end;
    const absl::Span<Cpu> core = absl::MakeSpan(cpus_).subspan(first, end - first);
    for (Cpu& cpu : core) {
      uint64_t clock = 0;
      uint64_t monotonic = 0;
      if (log_.ReadClockPair(cpu.cpu, clock, monotonic)) cpu.offset.AddPair(clock, monotonic);
    }
    if (core.size() > 1) {
      DrainCore(core, t_ns, window);
    } else if (core[0].offset.known()) {
      Drain(core[0], t_ns, window);
      cpu_observation observation;
      if (const std::optional<int64_t> at_ns = Observation(core[0], observation)) {
        core[0].timeline.OnObservation(observation, *at_ns, t_ns, window);
      }
    }
    for (Cpu& cpu : core) cpu.timeline.AdvanceTo(t_ns, window);
    first = end;
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

int64_t RunTimeReader::late_ns() const {
  int64_t sum = gone_late_ns_;
  for (const Cpu& cpu : cpus_) sum += cpu.timeline.late_ns();
  return sum;
}

int64_t RunTimeReader::unreported_switches() const {
  int64_t sum = gone_unreported_switches_;
  for (const Cpu& cpu : cpus_) sum += cpu.timeline.unreported_switches();
  return sum;
}

}  // namespace vrapl
