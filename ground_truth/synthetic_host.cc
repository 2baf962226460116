#include "ground_truth/synthetic_host.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace vrapl {
namespace {

// How often the package's control looks at the cores and sets their frequency.
constexpr int64_t kControlNs = 500'000;
constexpr double kShortestWanderNs = 10e6;
constexpr double kLongestWanderNs = 200e6;

RowUse& UseOf(std::vector<RowUse>& core, int row) {
  for (RowUse& use : core) {
    if (use.row == row) return use;
  }
  return core.emplace_back(RowUse{.row = row});
}

}  // namespace

SyntheticHost::SyntheticHost(PackageTraits package, CounterTraits counter, std::vector<ThreadSpec> threads, int rows,
                             std::unique_ptr<Schedule> schedule, uint64_t seed)
    : package_(std::move(package)),
      counter_(counter),
      threads_(std::move(threads)),
      schedule_(std::move(schedule)),
      update_random_(seed),
      read_random_(update_random_.Fork()),
      wander_random_(update_random_.Fork()),
      next_switch_(schedule_->Next()),
      on_cpu_(static_cast<size_t>(package_.cores * package_.smt), kNobody),
      runners_(on_cpu_.size()),
      watts_(on_cpu_.size()),
      core_watts_(on_cpu_.size()),
      wander_(threads_.size(), 1),
      wander_until_ns_(threads_.size(), 0),
      kelvin_(package_.ambient_k + package_.k_per_w * package_.floor_w),
      row_uj_(static_cast<size_t>(rows)),
      uses_(static_cast<size_t>(rows)) {
  for (int row = 0; row < rows; ++row) uses_[static_cast<size_t>(row)].row = row;
  core_energy_.resize(static_cast<size_t>(package_.cores));
  seen_.cores.resize(core_energy_.size());
  core_uses_.resize(core_energy_.size());
  Control();
  PlanUpdate();
  PlanRead();
}

void SyntheticHost::PlanUpdate() {
  const double at = counter_.period_ns * static_cast<double>(++updates_) + counter_.jitter_ns * update_random_.Normal();
  next_update_ns_ = std::max<int64_t>(now_ns_ + 1, std::llround(at));
}

void SyntheticHost::PlanRead() {
  const double luck = read_random_.Uniform();
  double late = read_random_.Exponential(counter_.late_ns);
  if (luck < 0.01) late += read_random_.Uniform(0, 300e3);
  if (luck < 0.0002) late += read_random_.Uniform(0, 4e6);
  const double skew = counter_.skew_ns * read_random_.Uniform(0.5, 2);
  // A sample that would come after the next one's deadline takes the next one's place.
  do {
    stamp_ns_ = static_cast<int64_t>(++reads_) * counter_.sample_ns + std::llround(late);
    late = 0;
  } while (stamp_ns_ <= now_ns_ + counter_.sample_ns / 4);
  read_ns_ = stamp_ns_ + std::llround(skew * read_random_.Uniform(-0.5, 0.5));
  skew_ns_ = std::llround(skew);
}

void SyntheticHost::Control() {
  const double seconds = static_cast<double>(kControlNs) * 1e-9;
  const double mean_w = now_ns_ == 0 ? package_.floor_w : control_uj_ * 1e-6 / seconds;
  const double settles_at = package_.ambient_k + package_.k_per_w * mean_w;
  kelvin_ += (settles_at - kelvin_) * seconds / package_.thermal_s;
  control_uj_ = 0;
  for (size_t i = 0; i < threads_.size(); ++i) {
    const double wander = threads_[i].work.wander;
    if (wander == 0 || now_ns_ < wander_until_ns_[i]) continue;
    wander_[i] = 1 + wander_random_.Uniform(-wander, wander);
    wander_until_ns_[i] = now_ns_ + std::llround(wander_random_.Uniform(kShortestWanderNs, kLongestWanderNs));
  }
  for (size_t cpu = 0; cpu < on_cpu_.size(); ++cpu) {
    if (on_cpu_[cpu] != kNobody) runners_[cpu].wander = wander_[static_cast<size_t>(on_cpu_[cpu])];
  }
  frequency_ = FrequencyFor(package_, runners_);
  floor_w_ = FloorPower(package_, static_cast<double>(now_ns_) * 1e-9, kelvin_);
  next_control_ns_ = now_ns_ + kControlNs;
  powered_ = false;
}

void SyntheticHost::Pass(int64_t until_ns) {
  const int64_t dt_ns = until_ns - now_ns_;
  if (dt_ns == 0) return;
  if (!std::exchange(powered_, true)) {
    ActivePower(package_, runners_, frequency_, kelvin_, absl::MakeSpan(watts_), absl::MakeSpan(core_watts_));
  }
  const double us = static_cast<double>(dt_ns) * 1e-3;  // W x us = uJ
  double used_uj = floor_w_ * us;
  floor_uj_ += used_uj;
  const auto smt = static_cast<size_t>(package_.smt);
  for (size_t cpu = 0; cpu < on_cpu_.size(); ++cpu) {
    if (on_cpu_[cpu] == kNobody) continue;
    const auto row = static_cast<size_t>(threads_[static_cast<size_t>(on_cpu_[cpu])].row);
    row_uj_[row] += watts_[cpu] * us;
    used_uj += watts_[cpu] * us;
    RowUse& use = uses_[row];
    use.run_ns += dt_ns;
    const bool shared = smt == 2 && on_cpu_[cpu ^ 1] != kNobody;
    (shared ? use.shared_ns : use.solo_ns) += dt_ns;
    core_energy_[cpu / smt].total_uj += core_watts_[cpu] * us;
    RowUse& on_core = UseOf(core_uses_[cpu / smt], static_cast<int>(row));
    on_core.run_ns += dt_ns;
    (shared ? on_core.shared_ns : on_core.solo_ns) += dt_ns;
  }
  total_uj_ += used_uj;
  control_uj_ += used_uj;
  now_ns_ = until_ns;
}

void SyntheticHost::AdvanceTo(int64_t t_ns) {
  while (now_ns_ < t_ns) {
    Pass(std::min({t_ns, next_switch_.t_ns, next_control_ns_, next_update_ns_}));
    while (next_switch_.t_ns <= now_ns_) {
      const auto cpu = static_cast<size_t>(next_switch_.cpu);
      const int thread = next_switch_.thread;
      on_cpu_[cpu] = thread;
      runners_[cpu] = thread == kNobody ? Runner{}
                                        : Runner{.work = &threads_[static_cast<size_t>(thread)].work,
                                                 .wander = wander_[static_cast<size_t>(thread)]};
      powered_ = false;
      next_switch_ = schedule_->Next();
    }
    if (next_control_ns_ <= now_ns_) Control();
    if (next_update_ns_ <= now_ns_) {
      counted_uj_ = total_uj_;
      counted_ns_ = now_ns_;
      for (CoreEnergy& core : core_energy_) core.counted_uj = core.total_uj;
      PlanUpdate();
    }
  }
}

void SyntheticHost::CloseWindow(int64_t t_ns) {
  seen_.t_ns = t_ns;
  seen_.dt_ns = t_ns - window_start_ns_;
  seen_.cpus = static_cast<int>(on_cpu_.size());
  seen_.rows.clear();
  int64_t busy_ns = 0;
  for (RowUse& use : uses_) {
    if (use.run_ns > 0) seen_.rows.push_back(use);
    busy_ns += use.run_ns;
    use = {.row = use.row};
  }
  for (size_t i = 0; i < core_uses_.size(); ++i) seen_.cores[i].rows = std::exchange(core_uses_[i], {});
  seen_.idle_ns = seen_.dt_ns * seen_.cpus - busy_ns;
  window_start_ns_ = t_ns;
  truth_.floor_uj = std::exchange(floor_uj_, 0);
  truth_.row_uj = row_uj_;
  truth_.host_uj = truth_.floor_uj;
  for (double& uj : row_uj_) truth_.host_uj += std::exchange(uj, 0);
  truth_.temperature_k = kelvin_;
}

void SyntheticHost::Next() {
  const bool read_first = read_ns_ <= stamp_ns_;
  const auto read = [this] {
    AdvanceTo(read_ns_);
    seen_.ticks = static_cast<uint64_t>(counted_uj_ / counter_.unit_uj);
    for (size_t i = 0; i < core_energy_.size(); ++i) {
      seen_.cores[i].ticks = static_cast<uint64_t>(core_energy_[i].counted_uj / counter_.unit_uj);
    }
    truth_.counted_uj = counted_uj_;
    truth_.update_ns = counted_ns_;
  };
  if (read_first) read();
  AdvanceTo(stamp_ns_);
  CloseWindow(stamp_ns_);
  if (!read_first) read();
  seen_.skew_ns = skew_ns_;
  PlanRead();
}

}  // namespace vrapl
