// A package counter whose updates are known to the nanosecond, at 60 W in ticks of 1 uJ; a read costs time, as real
// ones do.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>

#include "base/energy_source.h"
#include "emulator/update_schedule.h"
#include "tests/fakes/simulated_clock.h"

namespace vrapl {

class ScheduledCounter final : public EnergySource {
 public:
  static constexpr int64_t kPeekNs = 700;

  ScheduledCounter(SimulatedClock& clock, int64_t period_ns, int64_t jitter_ns)
      : clock_(clock), schedule_(clock.NowNs() + 300'000, period_ns, jitter_ns, /*seed=*/7) {
    info_.cpus = {0, 1};
    info_.domains.push_back({.id = {RaplDomain::kPackage}, .unit = {1e-6}});
  }

  absl::string_view backend() const override { return "made"; }
  const PackageInfo& package() const override { return info_; }
  void Read(EnergySample& sample) override {
    clock_.Advance(std::exchange(hold_up_before_ns_, 0));
    sample.before_ns = clock_.NowNs();
    clock_.Advance(std::exchange(hold_up_within_ns_, 0));
    sample.error[0] = error_;
    if (error_ == 0) good_ = Ticks();
    sample.ticks[0] = good_;
    clock_.Advance(read_cost_ns_);
    sample.after_ns = clock_.NowNs();
  }
  int Peek(size_t, uint64_t& raw) override {
    clock_.Advance(kPeekNs / 2);
    raw = Ticks();
    clock_.Advance(kPeekNs - kPeekNs / 2);
    ++peeks_;
    if (on_peek_) on_peek_();
    return error_;
  }
  void StartAnew() override {}

  uint64_t Ticks() const { return static_cast<uint64_t>(Updates(clock_.NowNs())) * 60'000; }
  // So many updates up to then, but for those from `from` to `to`, in which the counter rests.
  int64_t Updates(int64_t t_ns) const {
    const int64_t all = schedule_.LastIndex(t_ns) + 1;
    if (t_ns < rest_from_ns_) return all;
    const int64_t before = schedule_.LastIndex(rest_from_ns_) + 1;
    return t_ns < rest_to_ns_ ? before : all - (schedule_.LastIndex(rest_to_ns_) + 1 - before);
  }
  int64_t InstantOf(uint64_t ticks) const { return schedule_.Instant(static_cast<int64_t>(ticks / 60'000) - 1); }
  void Rest(int64_t from_ns, int64_t to_ns) { rest_from_ns_ = from_ns, rest_to_ns_ = to_ns; }
  // The thread loses the CPU for so long before the next Read() begins, or in it before the counter is read.
  void HoldUp(int64_t before_ns, int64_t within_ns) { hold_up_before_ns_ = before_ns, hold_up_within_ns_ = within_ns; }
  void SetReadCost(int64_t ns) { read_cost_ns_ = ns; }  // after the counter was read: other domains
  void SetError(int error) { error_ = error; }
  void OnPeek(std::function<void()> on_peek) { on_peek_ = std::move(on_peek); }
  int64_t peeks() const { return peeks_; }

 private:
  SimulatedClock& clock_;
  UpdateSchedule schedule_;
  PackageInfo info_;
  int64_t rest_from_ns_ = INT64_MAX;
  int64_t rest_to_ns_ = INT64_MAX;
  int64_t hold_up_before_ns_ = 0;
  int64_t hold_up_within_ns_ = 0;
  int64_t read_cost_ns_ = 1'500;
  int error_ = 0;
  uint64_t good_ = 0;
  int64_t peeks_ = 0;
  std::function<void()> on_peek_;
};

}  // namespace vrapl
