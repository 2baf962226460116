// When an energy counter updates. The register moves about every millisecond and carries no time stamp, so that each
// update is known only from the reads around it: it happened after the last read of the old value began and before the
// first read of the new one ended.
//
// From reads close together (a polling loop) the tracker learns the period and the jitter; knowing them, it narrows the
// instants of later updates that were read blindly, once a period: an update lies on a grid, give or take the jitter,
// and each read that moves, or does not move, cuts off a part of where the grid can be.
//
// Pure arithmetic; does not allocate. Threads: one at a time.
// Source of the 1 ms: Intel SDM vol. 3B, "RAPL Interfaces"; Haehnel et al., "Measuring Energy Consumption for Short
// Code Paths Using RAPL", for polling to the edge.
#pragma once

#include <cstdint>

namespace vrapl {

struct UpdateSummary {
  uint64_t reads = 0;
  uint64_t edges = 0;          // reads that found the counter moved; one may stand for several updates
  uint64_t empty = 0;          // reads that found it where it was
  uint64_t sharp = 0;          // edges known to a quarter of a period: those that period and jitter come from
  int64_t period_ns = 0;       // 0: not known
  int64_t period_err_ns = 0;   // the period is known to this, either way (4 standard deviations)
  int64_t jitter_ns = 0;       // standard deviation of one update about its grid, the width of its reads included
  int64_t uncertainty_ns = 0;  // half of the time in which the last edge must lie
};

class UpdateEdges {
 public:
  // A counter that updates less often than this is not one that we know; a longer pause between reads starts the grid
  // anew.
  static constexpr int64_t kMaxPeriodNs = 5'000'000'000;

  // One read: `ticks` was in the register at some instant from before_ns to after_ns. Reads come in order of time.
  // A read that failed is left out.
  void AddRead(int64_t before_ns, int64_t after_ns, uint64_t ticks);

  // What another tracker learned of the same counter, by polling.
  void Learn(int64_t period_ns, int64_t period_err_ns, int64_t jitter_ns);

  // Where the latest update that has been seen must lie; valid once summary().edges > 0.
  int64_t last_edge_min_ns() const { return edge_min_ns_; }
  int64_t last_edge_max_ns() const { return edge_max_ns_; }

  UpdateSummary Summary() const;

 private:
  void OnEdge(int64_t min_ns, int64_t before_ns, int64_t max_ns);
  void AddSharp(int64_t at_ns, int64_t width_ns);
  void BeginLine(int64_t at_ns);
  void FitLine(double at_ns, double width_ns);
  void NarrowByGrid(int64_t before_ns);
  void BeginGrid();
  void RefinePeriod();
  void PassQuiet(int64_t until_ns);
  int64_t slack_ns() const;
  void ForgetGrid() { grid_known_ = false; }

  UpdateSummary seen_;
  bool any_read_ = false;
  int64_t last_before_ns_ = 0;
  uint64_t last_ticks_ = 0;
  int64_t edge_min_ns_ = 0;
  int64_t edge_max_ns_ = 0;

  // Period and jitter: a straight line through the sharp edges, time over number; means and sums of products about
  // them.
  int64_t first_sharp_ns_ = 0;
  int64_t last_sharp_ns_ = 0;
  int64_t last_sharp_width_ns_ = 0;
  int64_t shortest_ns_ = 0;  // between two sharp edges
  int64_t periods_ = 0;      // from the first sharp edge of the line to the last
  double points_ = 0;
  double mean_number_ = 0;
  double mean_ns_ = 0;
  double number_squares_ = 0;
  double products_ = 0;
  double ns_squares_ = 0;
  bool line_leads_ = false;  // period and jitter are this line's
  bool learned_ = false;

  // The grid: its point that belongs to the last edge, or where that is not clear to the one before it, lies between
  // these.
  bool grid_known_ = false;
  bool one_behind_ = false;
  int64_t grid_min_ns_ = 0;
  int64_t grid_max_ns_ = 0;
  // Where it was when it was first known, and how many periods ago: a long look tells the period better than polling.
  int64_t anchor_min_ns_ = 0;
  int64_t anchor_max_ns_ = 0;
  int64_t periods_since_anchor_ = 0;
};

}  // namespace vrapl
