#include "attribution/ledger.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace vrapl {
namespace {

// Base power over a time, in sub-ticks.
uint64_t BaseEnergy(const BasePower& base, int64_t dt_ns) {
  return static_cast<uint64_t>(
      std::llround(base.ticks_per_second * static_cast<double>(kSubTicksPerTick) * 1e-9 * static_cast<double>(dt_ns)));
}

// The counter's updates come with jitter, so one sample may hold less than the base and the next more. The idle row
// may catch up what it missed, but no more than this much time's worth: a base that is too high must not eat the
// energy of a later burst.
constexpr int64_t kCatchUpNs = 10'000'000;

// How often the base is learned anew: by the time that was charged, not at flushes, so that figures do not depend on
// how long windows are. Just below the usual 2 s, so that a flush does not see its model change right after it began.
constexpr int64_t kLearnEveryNs = 1'900'000'000;

}  // namespace

Ledger::Row& Ledger::row(int id) {
  const auto index = static_cast<size_t>(id);
  if (rows_.size() <= index) rows_.resize(index + 1);
  return rows_[index];
}

void Ledger::Charge(int id, uint64_t sub_ticks, bool active) {
  Row& target = row(id);
  target.owed += sub_ticks;
  target.recent += sub_ticks;
  if (active) target.active.Add(sub_ticks);
}

void Ledger::Add(const TimeWindow& time, uint64_t ticks) {
  for (const RowTime& entry : time.rows) {
    if (entry.run_ns == 0) continue;
    Row& target = row(entry.row);
    if (target.waiting_ns == 0) waiting_rows_.push_back(entry.row);
    target.waiting_ns += entry.run_ns;
    waiting_busy_ns_ += entry.run_ns;
  }
  waiting_dt_ns_ += time.dt_ns;
  waiting_capacity_ns_ += time.dt_ns * time.cpus;
  if (ticks == 0) return;

  // The order in which rows came must not matter, to the last sub-tick.
  std::sort(waiting_rows_.begin(), waiting_rows_.end());
  flush_ticks_ += ticks;
  base_.Add(ticks, waiting_dt_ns_, waiting_busy_ns_);
  const uint64_t energy = ticks << kSubTickBits;
  switch (model_) {
    case Model::kBaseShare:
      if (applied_base_.known) {
        ChargeBaseShare(energy);
      } else {
        ChargeCapacity(energy);
      }
      break;
    case Model::kCapacity:
      ChargeCapacity(energy);
      break;
    case Model::kShare:  // charged at settlement, by the run time of the whole flush
      flush_floor_ += std::min(energy, BaseEnergy(applied_base_, waiting_dt_ns_));
      for (const int id : waiting_rows_) row(id).flush_ns += row(id).waiting_ns;
      break;
  }
  base_unknown_in_flush_ = base_unknown_in_flush_ || !applied_base_.known;
  since_learned_ns_ += waiting_dt_ns_;
  if (since_learned_ns_ >= kLearnEveryNs) {
    since_learned_ns_ = 0;
    base_.Update();
    applied_base_ = base_.base();
  }
  ClearWaiting();
}

void Ledger::ClearWaiting() {
  for (const int id : waiting_rows_) row(id).waiting_ns = 0;
  waiting_rows_.clear();
  waiting_dt_ns_ = waiting_capacity_ns_ = waiting_busy_ns_ = 0;
}

void Ledger::Forget() {
  ClearWaiting();
  idle_allowance_ = 0;
}

void Ledger::ChargeBaseShare(uint64_t energy) {
  idle_allowance_ += BaseEnergy(applied_base_, waiting_dt_ns_);
  const uint64_t floor = std::min(energy, idle_allowance_);
  idle_allowance_ = std::min(idle_allowance_ - floor, BaseEnergy(applied_base_, kCatchUpNs));
  Charge(kIdleRow, floor, /*active=*/false);
  const uint64_t above = energy - floor;
  if (waiting_rows_.empty()) {
    Charge(kIdleRow, above, /*active=*/false);  // nobody ran: what else but the base drawing more than we thought
    return;
  }
  weights_.clear();
  for (const int id : waiting_rows_) weights_.push_back(row(id).waiting_ns);
  parts_.resize(weights_.size());
  Divide(above, weights_, absl::MakeSpan(parts_));
  for (size_t i = 0; i < parts_.size(); ++i) Charge(waiting_rows_[i], parts_[i], /*active=*/true);
}

void Ledger::ChargeCapacity(uint64_t energy) {
  weights_.clear();
  for (const int id : waiting_rows_) weights_.push_back(row(id).waiting_ns);
  parts_.resize(weights_.size());
  const auto whole = static_cast<uint64_t>(std::max(waiting_capacity_ns_, waiting_busy_ns_));
  const uint64_t left = DivideOfWhole(energy, weights_, whole, absl::MakeSpan(parts_));
  for (size_t i = 0; i < parts_.size(); ++i) Charge(waiting_rows_[i], parts_[i], /*active=*/false);
  Charge(kIdleRow, left, /*active=*/false);
}

void Ledger::SettleShare() {
  const uint64_t energy = flush_ticks_ << kSubTickBits;
  weights_.clear();
  for (const Row& entry : rows_) weights_.push_back(entry.flush_ns);
  parts_.assign(weights_.size(), 0);
  Divide(energy, weights_, absl::MakeSpan(parts_));
  const bool anybody = std::any_of(weights_.begin(), weights_.end(), [](int64_t weight) { return weight > 0; });
  if (!anybody) {
    Charge(kIdleRow, energy, /*active=*/false);
    return;
  }
  std::vector<uint64_t> active(weights_.size());
  Divide(energy - std::min(energy, flush_floor_), weights_, absl::MakeSpan(active));
  for (size_t i = 0; i < parts_.size(); ++i) {
    rows_[i].owed += parts_[i];
    rows_[i].active.Add(active[i]);
    rows_[i].flush_ns = 0;
  }
}

Settlement Ledger::Settle() {
  row(kFirstFreeRow - 1);  // the three rows exist even if nothing happened
  if (model_ == Model::kShare) SettleShare();
  Settlement result{.counter_ticks = flush_ticks_, .base = applied_base_};
  const bool base_known = applied_base_.known && !base_unknown_in_flush_;
  result.model = model_ == Model::kBaseShare && !base_known ? Model::kCapacity : model_;
  result.active_known = result.model != Model::kCapacity && base_known;

  std::vector<uint64_t> owed(rows_.size());
  std::transform(rows_.begin(), rows_.end(), owed.begin(), [](const Row& entry) { return entry.owed; });
  const std::vector<uint64_t> ticks = settler_.Settle(owed);
  result.rows.resize(rows_.size());
  for (size_t i = 0; i < rows_.size(); ++i) {
    result.rows[i] = {.ticks = ticks[i], .active_total = rows_[i].active.value()};
    rows_[i].owed = 0;
  }
  flush_ticks_ = 0;
  flush_floor_ = 0;
  base_unknown_in_flush_ = false;
  return result;
}

double Ledger::TakeRecent(int id) {
  return static_cast<double>(std::exchange(row(id).recent, 0)) / static_cast<double>(kSubTicksPerTick);
}

void Ledger::Retire(int retired, int heir) {
  Row& from = row(retired);
  if (from.waiting_ns > 0) {
    // It ran since the counter last moved; that energy is still to come and is now the heir's.
    if (row(heir).waiting_ns == 0) waiting_rows_.push_back(heir);
    row(heir).waiting_ns += row(retired).waiting_ns;
    std::erase(waiting_rows_, retired);
  }
  rows_[static_cast<size_t>(retired)] = Row{};
  settler_.MoveCarry(static_cast<size_t>(retired), static_cast<size_t>(heir));
}

}  // namespace vrapl
