// What is known of one counter: how much it moved and to whom that was charged, by each model; how often it updates;
// and what is wrong with it. A reading that failed, a glitch, a time of unknown energy and a counter that stands still
// are told apart, and none of them spoils the total after it.
//
// Threads: the flush thread.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "attribution/ledger.h"
#include "attribution/uncertainty.h"
#include "base/clock.h"
#include "base/energy_source.h"
#include "base/given_power.h"
#include "base/update_edges.h"
#include "sampler/flush_report.h"
#include "sampler/row_table.h"
#include "sampler/sample_ring.h"

namespace vrapl {

class DomainLedger {
 public:
  struct Options {
    std::vector<Model> models;
    std::optional<GivenPower> base_power_w;  // given instead of learned
    // Not moved for so long: it has stopped. Long enough for an emulated counter of a virtual machine, which moves once
    // a second.
    int64_t frozen_after_ns = 3 * kNanosPerSecond;
    UpdateSummary updates;  // measured before the start, or nothing
  };

  // Counts from `start_ticks` at start_ns.
  DomainLedger(DomainInfo info, uint64_t start_ticks, int64_t start_ns, const Options& options);

  // One reading. What it moved is charged by `window`, the time since the reading before. Returns the ticks; nothing
  // when that time has no known energy.
  std::optional<uint64_t> Add(const SampleHeader& header, uint64_t ticks, int error, const TimeWindow& window);
  // The same in two steps, for a counter whose energy belongs to more CPUs than its package's: readings now, and at the
  // end of the flush the time of all of them. Energy is then charged by the run time of the whole flush; a flush of
  // which a part is unknown is unknown as a whole.
  void AddReading(const SampleHeader& header, uint64_t ticks, int error);
  void ChargeFlush(const TimeWindow& window);

  // Ends a flush at t_ns.
  void Settle(int64_t t_ns);

  // Of the flush that was settled last. For each model once, the first model first; `dt_ns` is its length.
  CounterReport ReportCounter(size_t model, int64_t dt_ns);
  // Energy of one row; the caller adds whose it is, and its run time.
  RowReport ReportRow(size_t model, int row);
  // The error of all rows of a group together; the caller adds whose they are.
  VmCounterReport ReportGroup(size_t model, int group, absl::Span<const int> rows) const;

  // Energy is on the way, or lost: not to be told as if it were none.
  bool unread() const { return unread_ || frozen_; }

  // Ticks charged to the row since this was last asked, by the first model.
  double TakeRecent(int row) { return ledgers_.front().TakeRecent(row); }
  void Retire(int row, int heir);

  const DomainInfo& info() const { return info_; }

 private:
  // Ticks moved; nothing when the time since the reading before has no known energy.
  std::optional<uint64_t> Move(const SampleHeader& header, uint64_t ticks, int error);

  DomainInfo info_;
  int64_t frozen_after_ns_;
  std::vector<Ledger> ledgers_;  // one per model
  // Of the flush that is settled, where its energy is known.
  std::optional<CounterGrain> Grain() const;
  // How sure its energy is: the counter's, and a part of it.
  std::optional<int64_t> ErrorUj() const;
  double ModelErrorUj(const Settlement& settlement, int row) const;
  std::optional<int64_t> ErrorUj(size_t model, const RowErrorSums& sums, double model_err_uj) const;

  UpdateEdges updates_;
  const double most_moved_ticks_;
  uint64_t last_ticks_;
  int64_t last_good_ns_;
  int64_t last_moved_ns_;
  int64_t suspended_ns_ = 0;  // since the last good reading
  uint64_t flush_ticks_ = 0;  // to be charged by ChargeFlush()
  bool flush_unknown_ = false;
  bool unread_ = false;  // the last read failed: energy of the time up to now is still to come
  bool frozen_ = false;
  // At the beginning and the end of the flush that waits for its report, and now.
  struct End {
    double watts = 0;
    int64_t skew_ns = 0;
    bool at_edge = false;
  };
  SmoothedPower power_;
  End now_;
  End flush_begin_;
  End flush_end_;
  std::optional<CounterGrain> grain_;  // of the flush that waits for its report
  // In this flush, and in the one that waits for its report.
  struct Trouble {
    uint64_t read_errors = 0;
    uint64_t glitches = 0;
    int64_t unknown_ns = 0;
  };
  Trouble trouble_;
  Trouble settled_trouble_;
  std::vector<Settlement> settlements_;
  // Cumulative, per model and row: what has been settled.
  std::vector<std::vector<uint64_t>> settled_ticks_;
  std::vector<std::vector<int64_t>> settled_uj_;
  std::vector<std::vector<int64_t>> active_uj_;
  uint64_t counter_total_ = 0;
};

}  // namespace vrapl
