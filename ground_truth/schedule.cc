#include "ground_truth/schedule.h"

#include <algorithm>
#include <cmath>

namespace vrapl {

MadeSchedule::MadeSchedule(absl::Span<const ThreadSpec> threads, int cpus, int smt, Random random)
    : smt_(smt), random_(random), cpus_(static_cast<size_t>(cpus)) {
  for (const ThreadSpec& spec : threads) {
    const int thread = static_cast<int>(threads_.size());
    const int last_cpu = spec.demand.cpus.empty() ? random_.Below(cpus) : spec.demand.cpus.front();
    threads_.push_back({.demand = spec.demand, .last_cpu = last_cpu});
    Push({.t_ns = static_cast<int64_t>(spec.demand.first_ns), .thread = thread});
  }
}

void MadeSchedule::Push(Event event) {
  event.order = order_++;
  events_.push(event);
}

int64_t MadeSchedule::Draw(double mean_ns, double spread) {
  const double drawn = (1 - spread) * mean_ns + spread * random_.Exponential(mean_ns);
  return std::max<int64_t>(1, std::llround(drawn));
}

bool MadeSchedule::MayRunOn(int thread, int cpu) const {
  const std::vector<int>& allowed = threads_[static_cast<size_t>(thread)].demand.cpus;
  return allowed.empty() || std::find(allowed.begin(), allowed.end(), cpu) != allowed.end();
}

int MadeSchedule::ChooseCpu(int thread) const {
  const int count = static_cast<int>(cpus_.size());
  const auto is_free = [this](int cpu) { return cpus_[static_cast<size_t>(cpu)].current == kNobody; };
  const int last = threads_[static_cast<size_t>(thread)].last_cpu;
  if (is_free(last) && MayRunOn(thread, last)) return last;
  int free = kNobody;
  int shortest = kNobody;
  for (int i = 0; i < count; ++i) {
    const int cpu = (last + i) % count;
    if (!MayRunOn(thread, cpu)) continue;
    const auto waiting = [this](int c) { return cpus_[static_cast<size_t>(c)].queue.size(); };
    if (shortest == kNobody || waiting(cpu) < waiting(shortest)) shortest = cpu;
    if (!is_free(cpu)) continue;
    bool core_free = true;
    for (int sibling = cpu / smt_ * smt_; sibling < cpu / smt_ * smt_ + smt_; ++sibling) {
      core_free = core_free && is_free(sibling);
    }
    if (core_free) return cpu;
    if (free == kNobody) free = cpu;
  }
  return free != kNobody ? free : shortest;
}

void MadeSchedule::Start(int cpu, int thread, int64_t t_ns) {
  Cpu& on = cpus_[static_cast<size_t>(cpu)];
  on.current = thread;
  on.since_ns = t_ns;
  Thread& what = threads_[static_cast<size_t>(thread)];
  what.last_cpu = cpu;
  on.stop_ns = t_ns + (on.queue.empty() ? what.remaining_ns : std::min(what.remaining_ns, kTurnNs));
  Push({.t_ns = on.stop_ns, .cpu = cpu, .turn = ++on.turn});
  made_.push_back({.t_ns = t_ns, .cpu = cpu, .thread = thread});
}

void MadeSchedule::Wake(int thread, int64_t t_ns) {
  Thread& what = threads_[static_cast<size_t>(thread)];
  const Demand& demand = what.demand;
  what.remaining_ns = Draw(demand.run_ns, demand.spread);
  if (demand.cycle_ns > 0) {
    const int64_t in_cycle = (t_ns + demand.cycle_ns - demand.cycle_offset_ns % demand.cycle_ns) % demand.cycle_ns;
    if (in_cycle >= demand.active_ns) {
      Push({.t_ns = t_ns + demand.cycle_ns - in_cycle, .thread = thread});
      return;
    }
    what.remaining_ns = std::min(what.remaining_ns, demand.active_ns - in_cycle);
  }
  const int cpu = ChooseCpu(thread);
  Cpu& on = cpus_[static_cast<size_t>(cpu)];
  if (on.current == kNobody) {
    Start(cpu, thread, t_ns);
    return;
  }
  on.queue.push_back(thread);
  const int64_t turn_ends = std::max(t_ns, on.since_ns + kTurnNs);
  if (turn_ends < on.stop_ns) {
    on.stop_ns = turn_ends;
    Push({.t_ns = turn_ends, .cpu = cpu, .turn = ++on.turn});
  }
}

int MadeSchedule::TakeWaiting(int cpu) {
  Cpu& own = cpus_[static_cast<size_t>(cpu)];
  if (!own.queue.empty()) {
    const int thread = own.queue.front();
    own.queue.pop_front();
    return thread;
  }
  Cpu* longest = nullptr;
  for (Cpu& other : cpus_) {
    if (!other.queue.empty() && MayRunOn(other.queue.front(), cpu) &&
        (longest == nullptr || other.queue.size() > longest->queue.size())) {
      longest = &other;
    }
  }
  if (longest == nullptr) return kNobody;
  const int thread = longest->queue.front();
  longest->queue.pop_front();
  return thread;
}

void MadeSchedule::Sleep(int thread, int64_t t_ns) {
  const Demand& demand = threads_[static_cast<size_t>(thread)].demand;
  Push({.t_ns = t_ns + Draw(demand.sleep_ns, demand.spread), .thread = thread});
}

void MadeSchedule::EndTurn(int cpu, int64_t t_ns) {
  Cpu& on = cpus_[static_cast<size_t>(cpu)];
  const int thread = on.current;
  Thread& what = threads_[static_cast<size_t>(thread)];
  what.remaining_ns -= t_ns - on.since_ns;
  if (what.remaining_ns > 0) {
    on.queue.push_back(thread);
  } else {
    Sleep(thread, t_ns);
  }
  const int next = TakeWaiting(cpu);
  if (next != kNobody) {
    Start(cpu, next, t_ns);
    return;
  }
  on.current = kNobody;
  on.stop_ns = kNeverNs;
  made_.push_back({.t_ns = t_ns, .cpu = cpu, .thread = kNobody});
}

Switch MadeSchedule::Next() {
  while (made_.empty()) {
    if (events_.empty()) return {.t_ns = kNeverNs};
    const Event event = events_.top();
    events_.pop();
    if (event.cpu == kNobody) {
      Wake(event.thread, event.t_ns);
    } else if (event.turn == cpus_[static_cast<size_t>(event.cpu)].turn &&
               cpus_[static_cast<size_t>(event.cpu)].current != kNobody) {
      EndTurn(event.cpu, event.t_ns);
    }
  }
  const Switch next = made_.front();
  made_.pop_front();
  return next;
}

}  // namespace vrapl
