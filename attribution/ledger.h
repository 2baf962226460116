// The ledger of one counter: every tick it moved is charged to a row, by a model. Pure arithmetic on integers.
//
// Law: at each settlement the rows' ticks sum to what the counter moved, exactly, and what a model does not claim (or
// claims twice) is told beside them; no row's total ever falls; the order of rows does not matter.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/types/span.h"
#include "attribution/base_power.h"
#include "attribution/model.h"
#include "attribution/model_rule.h"
#include "attribution/move_log.h"
#include "attribution/row_errors.h"
#include "attribution/sub_ticks.h"
#include "attribution/time_window.h"
#include "attribution/uncertainty.h"

namespace vrapl {

// What one row got between two settlements.
struct RowEnergy {
  uint64_t ticks = 0;
  long double active_total = 0;  // ticks above the base, cumulative; only where `active_known`
  double model_err_ticks = 0;    // what the model itself is unsure of: half width, 95 %; see ModelRule::RowErrorTicks()
};

struct Settlement {
  uint64_t counter_ticks = 0;   // == sum of rows' ticks + unclaimed_ticks
  int64_t unclaimed_ticks = 0;  // charged to no row; below 0: claimed twice. 0 where ClaimsAll() of the
                                // model that was asked for; at most 1 where another stands in for one that does not
  std::vector<RowEnergy> rows;
  // The one applied: capacity where the base was not known all the time, base-share where samples told fit nothing.
  Model model = Model::kBaseShare;
  bool active_known = false;
  BasePower base;
};

class Ledger {
 public:
  explicit Ledger(Model model, const ModelOptions& options = {});

  // Fixes the base power instead of learning it.
  void GiveBase(double ticks_per_second, double error_ticks_per_second = 0) {
    base_.Give(ticks_per_second, error_ticks_per_second);
    applied_base_ = base_.base();
  }

  // One sample: time passed, and the counter moved by `ticks` (0: not yet). Time waits until the counter moves, so
  // that a counter that updates more slowly than it is read is charged to all that ran since its last move.
  void Add(const TimeWindow& time, uint64_t ticks);

  // The time that waits for its energy waits in vain: nobody can tell what was used in it. It is charged nothing, and
  // the energy to come is charged to the time to come.
  void Forget();

  // Ends the flush. Time that still waits for its energy is kept for the next.
  Settlement Settle();

  // What the errors of the flush that was settled last are computed from, in ticks: of a row, and of all rows of a
  // group together, which is not the sum of theirs. Until the next call of Add(). What the model is unsure of is beside
  // it (RowEnergy::model_err_ticks); that of a group is the sum of its rows'.
  RowErrorSums ErrorOfRow(int row) const { return errors_.OfRow(row); }
  RowErrorSums ErrorOfGroup(int group, absl::Span<const int> rows) const { return errors_.OfGroup(group, rows); }

  // Ticks, fractions included, charged to the row since this was last asked; for curves, not for accounts. Always 0
  // under models that charge at settlement.
  double TakeRecent(int row);

  // The row goes away (a VM stopped): what fraction of a tick it is owed goes to `heir`. Call after Settle().
  void Retire(int row, int heir);

 private:
  struct Row {
    uint64_t recent = 0;  // sub-ticks charged since TakeRecent()
    uint64_t owed = 0;    // sub-ticks charged since whole ticks were last taken off
    uint64_t ticks = 0;   // taken off since the last settlement
    SubTickTotal active;  // sub-ticks above the base, ever
  };

  Row& row(int id);
  void GatherWaiting(const TimeWindow& time);
  void GatherMove(const TimeWindow& time);
  void ClearWaiting();
  void Charge(int id, uint64_t sub_ticks) {
    Row& target = row(id);
    target.owed += sub_ticks;
    if (rule_->pace() == ModelRule::Pace::kMove) target.recent += sub_ticks;
  }
  void AddPiece(Move move);
  void AddInPieces(uint64_t ticks, double awake_ns);
  void AddToFlush(uint64_t ticks);
  void ChargeFlush();
  void ChargeLate();
  void SettleOwed();
  void EndErrors();
  void Charge(const Move& move, bool with_errors = true);
  void Charge(const Move& move, uint64_t floor, std::optional<uint64_t> active_energy);
  void AddActive(const Move& move, uint64_t above, uint64_t active_energy);

  std::unique_ptr<ModelRule> rule_;
  std::vector<Row> rows_;
  // Likewise by row, apart from what each charge touches:
  std::vector<RowTime> waiting_;     // run time since the counter last moved
  std::vector<RowTime> flush_time_;  // of which the energy came in this flush, for models that charge it as a whole
  // Since the counter last moved:
  std::vector<int> waiting_rows_;
  int64_t waiting_dt_ns_ = 0;
  int64_t waiting_capacity_ns_ = 0;
  int64_t waiting_busy_ns_ = 0;
  double edge_power_ = 0;  // ticks per us where that time began; known when it has moved
  // Since the last settlement:
  const uint64_t most_ticks_of_a_piece_;  // that a flush is divided in
  uint64_t flush_ticks_ = 0;
  int64_t unclaimed_ticks_ = 0;
  int64_t unclaimed_ = 0;                 // and these sub-ticks, less than a tick
  uint64_t owed_ticks_ = 0;               // charged since whole ticks were last taken off the rows, or some more
  Move flush_;                            // for models that charge a flush as a whole
  uint64_t energy_of_flush_ = 0;          // ticks
  unsigned __int128 floor_of_flush_ = 0;  // sub-ticks
  MoveLog late_;                          // for models that charge late
  BasePowerEstimator base_;
  BasePower applied_base_;  // of the next charge
  int64_t since_learned_ns_ = 0;
  bool base_unknown_in_flush_ = false;  // some of this flush was charged without it
  RowErrors errors_;
  SmoothedPower power_;  // ticks per us
  TickSettler settler_;  // its first row is what no row was charged, then come the rows
  // Scratch of the right size, kept from sample to sample.
  Division division_;
  std::vector<RowTime> move_rows_;
  std::vector<uint64_t> parts_;
  std::vector<uint64_t> active_;
};

}  // namespace vrapl
