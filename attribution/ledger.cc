#include "attribution/ledger.h"

#include <algorithm>
#include <utility>

namespace vrapl {
namespace {

// How often the base is learned anew: by the time that was charged, not at flushes, so that figures do not depend on
// how long windows are. Just below the usual 2 s, so that a flush does not see its model change right after it began.
constexpr int64_t kLearnEveryNs = 1'900'000'000;
// Sub-ticks of more than twice this are more than 64 bits. A flush may be longer (a command that runs for days): it is
// settled in parts, whose whole ticks are added up. Claims that exceed the whole, by up to 2^7 times with a thousand
// VMs, need more room.
constexpr uint64_t kMostTicksOfAPart = uint64_t{1} << 38;
constexpr uint64_t kMostTicksOfClaims = uint64_t{1} << 31;

void AddTime(RowTime& to, const RowTime& more) {
  to.run_ns += more.run_ns;
  to.solo_ns += more.solo_ns;
  to.shared_ns += more.shared_ns;
  to.group = more.group;
}

RowTime& At(std::vector<RowTime>& times, int id) {
  const auto index = static_cast<size_t>(id);
  if (times.size() <= index) times.resize(index + 1);
  return times[index];
}

}  // namespace

Ledger::Ledger(Model model, const ModelOptions& options)
    : rule_(MakeModelRule(model, options)),
      model_(model),
      most_ticks_of_a_part_(ClaimsAll(model) ? kMostTicksOfAPart : kMostTicksOfClaims) {}

Ledger::Row& Ledger::row(int id) {
  const auto index = static_cast<size_t>(id);
  if (rows_.size() <= index) rows_.resize(index + 1);
  return rows_[index];
}

void Ledger::GatherWaiting(const TimeWindow& time) {
  for (const RowTime& entry : time.rows) {
    if (entry.run_ns == 0) continue;
    RowTime& waiting = At(waiting_, entry.row);
    if (waiting.run_ns == 0) waiting_rows_.push_back(entry.row);
    AddTime(waiting, entry);
    waiting_busy_ns_ += entry.run_ns;
  }
}

// Of all that waited for the counter's move, a row each.
void Ledger::GatherMove(const TimeWindow& time) {
  move_rows_.clear();
  const bool ascending = std::adjacent_find(time.rows.begin(), time.rows.end(), [](const RowTime& a, const RowTime& b) {
                           return a.row >= b.row;
                         }) == time.rows.end();
  if (waiting_rows_.empty() && ascending) {  // nobody waits: no need to look for each row's place
    for (const RowTime& entry : time.rows) {
      if (entry.run_ns == 0) continue;
      waiting_busy_ns_ += entry.run_ns;
      move_rows_.push_back(entry);
    }
    return;
  }
  GatherWaiting(time);
  // The order in which rows came must not matter, to the last sub-tick.
  std::sort(waiting_rows_.begin(), waiting_rows_.end());
  for (const int id : waiting_rows_) {
    move_rows_.push_back(At(waiting_, id));
    move_rows_.back().row = id;
  }
}

void Ledger::Add(const TimeWindow& time, uint64_t ticks) {
  waiting_dt_ns_ += time.dt_ns;
  waiting_capacity_ns_ += time.dt_ns * time.cpus;
  if (ticks == 0) {
    GatherWaiting(time);
    return;
  }
  GatherMove(time);
  flush_ticks_ += ticks;
  part_ticks_ += ticks;
  base_.Add(ticks, waiting_dt_ns_, waiting_busy_ns_);
  Move move{.energy = ticks << kSubTickBits,
            .dt_ns = waiting_dt_ns_,
            .capacity_ns = waiting_capacity_ns_,
            .busy_ns = waiting_busy_ns_,
            .base = applied_base_,
            .rows = move_rows_};
  move.floor = std::min(move.energy, BaseEnergy(applied_base_, move.dt_ns));
  switch (rule_->pace()) {
    case ModelRule::Pace::kMove:
      Charge(move);
      break;
    case ModelRule::Pace::kFlush:
      AddToFlush(move);
      break;
    case ModelRule::Pace::kLate:
      late_.Append(move);
      if (late_.full()) ChargeLate();
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
  if (part_ticks_ > most_ticks_of_a_part_) SettlePart();
}

void Ledger::ClearWaiting() {
  for (const int id : waiting_rows_) At(waiting_, id) = {};
  waiting_rows_.clear();
  waiting_dt_ns_ = waiting_capacity_ns_ = waiting_busy_ns_ = 0;
}

void Ledger::Forget() {
  ClearWaiting();
  if (rule_->pace() == ModelRule::Pace::kLate) ChargeLate();
  rule_->Forget();
}

void Ledger::Charge(const Move& move) {
  division_.Clear();
  rule_->Divide(move, division_);
  const uint64_t above = move.energy - division_.floor;
  parts_.resize(division_.weights.size());
  uint64_t whole = 0;
  for (const int64_t weight : division_.weights) whole += static_cast<uint64_t>(weight);
  if (division_.unclaimed) {
    Charge(kIdleRow, division_.floor);
    unclaimed_ +=
        static_cast<int64_t>(DivideOfWhole(above, division_.weights, *division_.whole, absl::MakeSpan(parts_)));
  } else if (division_.whole) {
    Charge(kIdleRow,
           division_.floor + DivideOfWhole(above, division_.weights, *division_.whole, absl::MakeSpan(parts_)));
  } else if (whole == 0) {
    Charge(kIdleRow, move.energy);  // nobody ran: what else but the base drawing more than we thought
    return;
  } else {
    Charge(kIdleRow, division_.floor);
    Divide(above, division_.weights, absl::MakeSpan(parts_));
  }
  const auto row_of = [&](size_t i) { return division_.rows.empty() ? move.rows[i].row : division_.rows[i]; };
  for (size_t i = 0; i < parts_.size(); ++i) Charge(row_of(i), parts_[i]);
  if (!division_.active) return;
  if (*division_.active != above) {
    active_.resize(parts_.size());
    Divide(*division_.active, division_.weights, absl::MakeSpan(active_));
  }
  const std::vector<uint64_t>& active = *division_.active == above ? parts_ : active_;
  for (size_t i = 0; i < parts_.size(); ++i) row(row_of(i)).active.Add(active[i]);
}

void Ledger::AddToFlush(const Move& move) {
  flush_.energy += move.energy;
  flush_.dt_ns += move.dt_ns;
  flush_.capacity_ns += move.capacity_ns;
  flush_.busy_ns += move.busy_ns;
  flush_.floor += move.floor;
  for (const RowTime& entry : move.rows) AddTime(At(flush_time_, entry.row), entry);
}

void Ledger::ChargeFlush() {
  move_rows_.clear();
  for (size_t i = 0; i < flush_time_.size(); ++i) {
    if (flush_time_[i].run_ns == 0) continue;
    move_rows_.push_back(std::exchange(flush_time_[i], {}));
    move_rows_.back().row = static_cast<int>(i);
  }
  flush_.rows = move_rows_;
  flush_.base = applied_base_;
  flush_.base.known = applied_base_.known && !base_unknown_in_flush_;
  Charge(flush_);
  flush_ = {};
}

void Ledger::ChargeLate() {
  const absl::Span<const Move> moves = late_.moves();
  rule_->Learn(moves);
  for (const Move& move : moves) Charge(move);
  late_.Clear();
}

void Ledger::SettlePart() {
  if (rule_->pace() == ModelRule::Pace::kFlush) ChargeFlush();
  if (rule_->pace() == ModelRule::Pace::kLate) ChargeLate();
  // What nobody claims has a sign and a fraction; the fraction is settled as if it were a row's.
  std::vector<uint64_t> owed(rows_.size() + 1);
  owed[0] = static_cast<uint64_t>(unclaimed_) & (kSubTicksPerTick - 1);
  std::transform(rows_.begin(), rows_.end(), owed.begin() + 1, [](const Row& entry) { return entry.owed; });
  const std::vector<uint64_t> ticks = settler_.Settle(owed);
  unclaimed_ticks_ += (unclaimed_ >> kSubTickBits) + static_cast<int64_t>(ticks[0]);
  for (size_t i = 0; i < rows_.size(); ++i) {
    rows_[i].ticks += ticks[i + 1];
    rows_[i].owed = 0;
  }
  part_ticks_ = 0;
  unclaimed_ = 0;
}

Settlement Ledger::Settle() {
  row(kFirstFreeRow - 1);  // the three rows exist even if nothing happened
  SettlePart();
  Settlement result{.counter_ticks = std::exchange(flush_ticks_, 0),
                    .unclaimed_ticks = std::exchange(unclaimed_ticks_, 0),
                    .rows = {},
                    .base = applied_base_};
  const bool base_known = applied_base_.known && !base_unknown_in_flush_;
  result.model = rule_->Applied(base_known);
  // Of a flush that was settled in parts some may have had a base. Where rows do not sum up, it must not be said that
  // they do.
  if (result.unclaimed_ticks != 0) result.model = model_;
  result.active_known = rule_->ActiveKnown(base_known);
  if (!applied_base_.given) result.base = rule_->Base().value_or(applied_base_);
  rule_->Settled();
  result.rows.resize(rows_.size());
  for (size_t i = 0; i < rows_.size(); ++i) {
    result.rows[i] = {.ticks = std::exchange(rows_[i].ticks, 0), .active_total = rows_[i].active.value()};
  }
  base_unknown_in_flush_ = false;
  return result;
}

double Ledger::TakeRecent(int id) {
  return static_cast<double>(std::exchange(row(id).recent, 0)) / static_cast<double>(kSubTicksPerTick);
}

void Ledger::Retire(int retired, int heir) {
  if (const RowTime left = At(waiting_, retired); left.run_ns > 0) {
    // It ran since the counter last moved; that energy is still to come and is now the heir's.
    RowTime& waiting = At(waiting_, heir);
    if (waiting.run_ns == 0) waiting_rows_.push_back(heir);
    const int group = waiting.group;
    AddTime(waiting, left);
    waiting.group = group;
    std::erase(waiting_rows_, retired);
  }
  At(waiting_, retired) = {};
  row(retired) = {};
  settler_.MoveCarry(static_cast<size_t>(retired) + 1, static_cast<size_t>(heir) + 1);
  rule_->Retire(retired);
}

}  // namespace vrapl
