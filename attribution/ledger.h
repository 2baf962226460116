// The ledger of one counter: every tick it moved is charged to a row, by a model. Pure arithmetic on integers.
//
// Law: at each settlement the rows' ticks sum to what the counter moved, exactly; no row's total ever falls; the order
// of rows and windows of equal content does not matter.
//
// Rows are numbers here; what they stand for is the caller's affair, except three that every ledger has.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "attribution/base_power.h"
#include "attribution/model.h"
#include "attribution/sub_ticks.h"

namespace vrapl {

inline constexpr int kIdleRow = 0;        // nobody ran
inline constexpr int kStolenRow = 1;      // the CPU was not ours; charged no energy: ours did not flow
inline constexpr int kUnreportedRow = 2;  // somebody ran, we do not know who
inline constexpr int kFirstFreeRow = 3;

struct RowTime {
  int row = 0;
  int64_t run_ns = 0;
};

// How the CPUs of the package spent the time of one sample.
struct TimeWindow {
  int64_t dt_ns = 0;
  int cpus = 0;
  absl::Span<const RowTime> rows;  // run time of those that ran, kUnreportedRow included; not idle or stolen
};

// What one row got between two settlements.
struct RowEnergy {
  uint64_t ticks = 0;
  long double active_total = 0;  // ticks above the base, cumulative; only where `active_known`
};

struct Settlement {
  uint64_t counter_ticks = 0;  // == sum of rows' ticks
  std::vector<RowEnergy> rows;
  Model model = Model::kBaseShare;  // the one applied: capacity where base-share did not know the base all the time
  bool active_known = false;
  BasePower base;
};

class Ledger {
 public:
  explicit Ledger(Model model) : model_(model) {}

  // Fixes the base power instead of learning it.
  void GiveBase(double ticks_per_second) {
    base_.Give(ticks_per_second);
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

  // Ticks, fractions included, charged to the row since this was last asked; for curves, not for accounts. Always 0
  // under the share model, which charges at settlement.
  double TakeRecent(int row);

  // The row goes away (a VM stopped): what fraction of a tick it is owed goes to `heir`. Call after Settle().
  void Retire(int row, int heir);

 private:
  struct Row {
    int64_t waiting_ns = 0;  // run time since the counter last moved
    int64_t flush_ns = 0;    // run time whose energy came in this flush (share)
    uint64_t recent = 0;     // sub-ticks charged since TakeRecent()
    uint64_t owed = 0;       // sub-ticks charged since the last settlement
    SubTickTotal active;     // sub-ticks above the base, ever
  };

  Row& row(int id);
  void ClearWaiting();
  void Charge(int id, uint64_t sub_ticks, bool active);
  void ChargeBaseShare(uint64_t energy);
  void ChargeCapacity(uint64_t energy);
  void SettleShare();

  Model model_;
  std::vector<Row> rows_;
  // Since the counter last moved:
  std::vector<int> waiting_rows_;
  int64_t waiting_dt_ns_ = 0;
  int64_t waiting_capacity_ns_ = 0;
  int64_t waiting_busy_ns_ = 0;
  // Since the last settlement:
  uint64_t flush_ticks_ = 0;
  uint64_t flush_floor_ = 0;  // sub-ticks of base power (share)
  // What the idle row may still take: base power x time, less what it took. Bounded; see ChargeBaseShare.
  uint64_t idle_allowance_ = 0;
  BasePowerEstimator base_;
  BasePower applied_base_;  // of the next charge
  int64_t since_learned_ns_ = 0;
  bool base_unknown_in_flush_ = false;  // some of this flush was charged without it
  TickSettler settler_;
  // Scratch of the right size, kept from sample to sample.
  std::vector<int64_t> weights_;
  std::vector<uint64_t> parts_;
};

}  // namespace vrapl
