#include "attribution/ledger.h"

#include <algorithm>
#include <utility>

namespace vrapl {
namespace {

// How often the base is learned anew: by the time that was charged, not at flushes, so that figures do not depend on
// how long windows are. Just below the usual 2 s, so that a flush does not see its model change right after it began.
constexpr int64_t kLearnEveryNs = 1'900'000'000;
// A move of more is charged in pieces, because its sub-ticks are more than 64 bits, and so are those of rows that were
// charged more than that many ticks: then whole ticks are taken off them. Ticks may be as small as the kernel's
// perf unit, 2^-32 J. Claims may exceed the whole, by up to 2^7 times with a thousand VMs, and need more room.
constexpr uint64_t kMostTicksOfAPiece = uint64_t{1} << 36;
constexpr uint64_t kMostTicksOfAClaim = uint64_t{1} << 30;
constexpr uint64_t kMostOwedTicks = uint64_t{1} << 38;

// More than a power station gives in a year; only a recording that was made up has it.
constexpr int64_t kMostNanojoules = int64_t{1} << 61;

int64_t PartOf(int64_t ns, uint64_t piece, uint64_t all) {
  return static_cast<int64_t>(static_cast<unsigned __int128>(ns) * piece / all);
}

void AddTime(RowTime& to, const RowTime& more) {
  to.run_ns += more.run_ns;
  to.solo_ns += more.solo_ns;
  to.shared_ns += more.shared_ns;
  to.core_nj = std::min(to.core_nj + more.core_nj, kMostNanojoules);
  to.group = more.group;
}

// Nearly all of the time is of nobody that is known.
bool IsUnreported(absl::Span<const RowTime> rows, int64_t capacity_ns) {
  const auto of = std::find_if(rows.begin(), rows.end(), [](const RowTime& row) { return row.row == kUnreportedRow; });
  return of != rows.end() && of->run_ns > capacity_ns / 10 * 9;
}

// Nothing that a model could go by.
bool IsEmpty(const RowTime& time) { return time.run_ns == 0 && time.core_nj == 0; }

RowTime& At(std::vector<RowTime>& times, int id) {
  const auto index = static_cast<size_t>(id);
  if (times.size() <= index) times.resize(index + 1);
  return times[index];
}

}  // namespace

Ledger::Ledger(Model model, const ModelOptions& options)
    : rule_(MakeModelRule(model, options)),
      most_ticks_of_a_piece_(ClaimsAll(model) ? kMostTicksOfAPiece : kMostTicksOfAClaim) {}

Ledger::Row& Ledger::row(int id) {
  const auto index = static_cast<size_t>(id);
  if (rows_.size() <= index) rows_.resize(index + 1);
  return rows_[index];
}

void Ledger::GatherWaiting(const TimeWindow& time) {
  for (const RowTime& entry : time.rows) {
    if (IsEmpty(entry)) continue;
    RowTime& waiting = At(waiting_, entry.row);
    if (IsEmpty(waiting)) waiting_rows_.push_back(entry.row);
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
      if (IsEmpty(entry)) continue;
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
  const double before = power_.watts();
  const double now = power_.Add(static_cast<double>(ticks), waiting_dt_ns_);
  edge_power_ = before > 0 ? (before + now) / 2 : now;
  const double awake_ns = AwakeNs(move_rows_, waiting_dt_ns_);
  // Time of which nobody knows who ran, as where a recording is damaged, teaches nothing: it may have been idle.
  if (!IsUnreported(move_rows_, waiting_capacity_ns_)) base_.Add(ticks, waiting_dt_ns_, waiting_busy_ns_, awake_ns);
  if (rule_->pace() == ModelRule::Pace::kFlush) {
    AddToFlush(ticks);
  } else if (ticks <= kMostTicksOfAPiece) {
    AddPiece({.energy = ticks << kSubTickBits,
              .dt_ns = waiting_dt_ns_,
              .capacity_ns = waiting_capacity_ns_,
              .busy_ns = waiting_busy_ns_,
              .awake_ns = awake_ns,
              .base = applied_base_,
              .rows = move_rows_,
              .edge_power = edge_power_});
  } else {
    AddInPieces(ticks, awake_ns);
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

void Ledger::AddPiece(Move move) {
  move.floor = std::min(move.energy, BaseEnergy(applied_base_, move.dt_ns));
  if (rule_->pace() == ModelRule::Pace::kMove) return Charge(move);
  late_.Append(move);
  if (late_.full()) ChargeLate();
}

// Each piece has its part of the time, so that the base is taken off once.
void Ledger::AddInPieces(uint64_t ticks, double awake_ns) {
  const std::vector<RowTime> rows = move_rows_;
  for (uint64_t done = 0; done < ticks;) {
    const uint64_t piece = std::min(ticks - done, kMostTicksOfAPiece);
    done += piece;
    for (size_t i = 0; i < rows.size(); ++i) {
      move_rows_[i].run_ns = std::max<int64_t>(rows[i].run_ns > 0 ? 1 : 0, PartOf(rows[i].run_ns, piece, ticks));
      move_rows_[i].solo_ns = PartOf(rows[i].solo_ns, piece, ticks);
      move_rows_[i].shared_ns = PartOf(rows[i].shared_ns, piece, ticks);
      move_rows_[i].core_nj = PartOf(rows[i].core_nj, piece, ticks);
    }
    AddPiece({.energy = piece << kSubTickBits,
              .dt_ns = PartOf(waiting_dt_ns_, piece, ticks),
              .capacity_ns = PartOf(waiting_capacity_ns_, piece, ticks),
              .busy_ns = PartOf(waiting_busy_ns_, piece, ticks),
              .awake_ns = awake_ns * static_cast<double>(piece) / static_cast<double>(ticks),
              .base = applied_base_,
              .rows = move_rows_,
              .edge_power = edge_power_});
  }
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

void Ledger::Charge(const Move& move, bool with_errors) {
  division_.Clear();
  rule_->Divide(move, division_);
  if (with_errors) errors_.Add(move, division_);
  Charge(move, division_.floor, division_.active);
}

// By division_, whose floor and active energy may be of more than this move.
void Ledger::Charge(const Move& move, uint64_t floor, std::optional<uint64_t> active_energy) {
  owed_ticks_ += (move.energy >> kSubTickBits) + 1;
  const uint64_t above = move.energy - floor;
  parts_.resize(division_.weights.size());
  uint64_t whole = 0;
  for (const int64_t weight : division_.weights) whole += static_cast<uint64_t>(weight);
  if (division_.unclaimed) {
    Charge(kIdleRow, floor);
    unclaimed_ +=
        static_cast<int64_t>(DivideOfWhole(above, division_.weights, *division_.whole, absl::MakeSpan(parts_)));
    unclaimed_ticks_ += unclaimed_ >> kSubTickBits;
    unclaimed_ &= kSubTicksPerTick - 1;
  } else if (division_.whole) {
    Charge(kIdleRow, floor + DivideOfWhole(above, division_.weights, *division_.whole, absl::MakeSpan(parts_)));
  } else if (whole == 0) {
    Charge(kIdleRow, move.energy);  // nobody ran: what else but the base drawing more than we thought
    if (owed_ticks_ > kMostOwedTicks) SettleOwed();
    return;
  } else {
    Charge(kIdleRow, floor);
    Divide(above, division_.weights, absl::MakeSpan(parts_));
  }
  const auto row_of = [&](size_t i) { return division_.rows.empty() ? move.rows[i].row : division_.rows[i]; };
  for (size_t i = 0; i < parts_.size(); ++i) Charge(row_of(i), parts_[i]);
  if (active_energy) AddActive(move, above, *active_energy);
  if (owed_ticks_ > kMostOwedTicks) SettleOwed();
}

// By the weights and, where it is all that was divided, the parts that were just charged.
void Ledger::AddActive(const Move& move, uint64_t above, uint64_t active_energy) {
  const auto row_of = [&](size_t i) { return division_.rows.empty() ? move.rows[i].row : division_.rows[i]; };
  if (active_energy != above) {
    active_.resize(parts_.size());
    Divide(active_energy, division_.weights, absl::MakeSpan(active_));
  }
  const std::vector<uint64_t>& active = active_energy == above ? parts_ : active_;
  for (size_t i = 0; i < parts_.size(); ++i) row(row_of(i)).active.Add(active[i]);
}

void Ledger::AddToFlush(uint64_t ticks) {
  if (flush_.dt_ns == 0) flush_.edge_power = edge_power_;
  energy_of_flush_ += ticks;
  flush_.dt_ns += waiting_dt_ns_;
  flush_.capacity_ns += waiting_capacity_ns_;
  flush_.busy_ns += waiting_busy_ns_;
  const uint64_t most = ticks < (uint64_t{1} << 39) ? ticks << kSubTickBits : UINT64_MAX;
  floor_of_flush_ += std::min(most, BaseEnergy(applied_base_, waiting_dt_ns_));
  for (const RowTime& entry : move_rows_) AddTime(At(flush_time_, entry.row), entry);
}

// The weights are those of the whole flush, whatever the number of pieces its energy is divided in.
void Ledger::ChargeFlush() {
  move_rows_.clear();
  for (size_t i = 0; i < flush_time_.size(); ++i) {
    if (IsEmpty(flush_time_[i])) continue;
    move_rows_.push_back(std::exchange(flush_time_[i], {}));
    move_rows_.back().row = static_cast<int>(i);
  }
  flush_.rows = move_rows_;
  flush_.base = applied_base_;
  flush_.base.known = applied_base_.known && !base_unknown_in_flush_;
  const unsigned __int128 floor = std::exchange(floor_of_flush_, 0);
  const uint64_t ticks = std::exchange(energy_of_flush_, 0);
  for (uint64_t done = 0; done < ticks;) {
    const uint64_t piece = std::min(ticks - done, most_ticks_of_a_piece_);
    done += piece;
    flush_.energy = piece << kSubTickBits;
    flush_.floor =
        std::min(flush_.energy, static_cast<uint64_t>(floor / ticks * piece + floor % ticks * piece / ticks));
    Charge(flush_, /*with_errors=*/done == piece);
  }
  flush_ = {};
}

void Ledger::ChargeLate() {
  late_.SetBase(applied_base_);
  const absl::Span<const Move> moves = late_.moves();
  rule_->Learn(moves);
  for (const Move& move : moves) Charge(move);
  late_.Clear();
}

// Takes the whole ticks off what rows are owed.
void Ledger::SettleOwed() {
  // What nobody claims is settled as if it were a row's.
  std::vector<uint64_t> owed(rows_.size() + 1);
  owed[0] = static_cast<uint64_t>(std::exchange(unclaimed_, 0));
  std::transform(rows_.begin(), rows_.end(), owed.begin() + 1, [](const Row& entry) { return entry.owed; });
  const std::vector<uint64_t> ticks = settler_.Settle(owed);
  unclaimed_ticks_ += static_cast<int64_t>(ticks[0]);
  for (size_t i = 0; i < rows_.size(); ++i) {
    rows_[i].ticks += ticks[i + 1];
    rows_[i].owed = 0;
  }
  owed_ticks_ = 0;
}

void Ledger::EndErrors() {
  move_rows_.clear();
  std::sort(waiting_rows_.begin(), waiting_rows_.end());
  for (const int id : waiting_rows_) {
    move_rows_.push_back(At(waiting_, id));
    move_rows_.back().row = id;
  }
  errors_.EndWindow(power_.watts(), move_rows_, waiting_busy_ns_);
}

Settlement Ledger::Settle() {
  row(kFirstFreeRow - 1);  // the three rows exist even if nothing happened
  if (rule_->pace() == ModelRule::Pace::kFlush) ChargeFlush();
  if (rule_->pace() == ModelRule::Pace::kLate) ChargeLate();
  SettleOwed();
  EndErrors();
  Settlement result{.counter_ticks = std::exchange(flush_ticks_, 0),
                    .unclaimed_ticks = std::exchange(unclaimed_ticks_, 0),
                    .rows = {},
                    .base = applied_base_};
  const bool base_known = applied_base_.known && !base_unknown_in_flush_;
  result.model = rule_->Applied(base_known);
  result.active_known = rule_->ActiveKnown(base_known);
  if (!applied_base_.given) result.base = rule_->Base().value_or(applied_base_);
  result.rows.resize(rows_.size());
  for (size_t i = 0; i < rows_.size(); ++i) {
    result.rows[i] = {.ticks = std::exchange(rows_[i].ticks, 0),
                      .active_total = rows_[i].active.value(),
                      .model_err_ticks = rule_->RowErrorTicks(static_cast<int>(i))};
  }
  rule_->Settled();
  base_unknown_in_flush_ = false;
  return result;
}

double Ledger::TakeRecent(int id) {
  return static_cast<double>(std::exchange(row(id).recent, 0)) / static_cast<double>(kSubTicksPerTick);
}

void Ledger::Retire(int retired, int heir) {
  if (const RowTime left = At(waiting_, retired); !IsEmpty(left)) {
    // It ran since the counter last moved; that energy is still to come and is now the heir's.
    RowTime& waiting = At(waiting_, heir);
    if (IsEmpty(waiting)) waiting_rows_.push_back(heir);
    const int group = waiting.group;
    AddTime(waiting, left);
    waiting.group = group;
    std::erase(waiting_rows_, retired);
  }
  At(waiting_, retired) = {};
  row(retired) = {};
  settler_.MoveCarry(static_cast<size_t>(retired) + 1, static_cast<size_t>(heir) + 1);
  errors_.Retire(retired);
  rule_->Retire(retired);
}

}  // namespace vrapl
