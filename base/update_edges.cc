#include "base/update_edges.h"

#include <algorithm>
#include <cmath>

namespace vrapl {
namespace {

// Spacings from which the shortest is taken for one period; jitter may make it a little shorter than that.
constexpr uint64_t kSpacingsToBegin = 8;
// The shortest of those spacings is short of a period by jitter, by such a part of it at most.
constexpr double kShortestDoubt = 0.1;
// Updates between two edges are counted while the count is certain to this part of one.
constexpr double kCountableDoubt = 0.35;
// An update is this many standard deviations off its grid at most, for all that we conclude from it.
constexpr int64_t kJitters = 4;

// So many periods after it was first known, the grid tells more of the period than polling did.
constexpr int64_t kPeriodsToRefine = 200;
// Across a longer bracket the grid is not relied upon.
constexpr int64_t kMaxBracketPeriods = 8;

}  // namespace

void UpdateEdges::AddRead(int64_t before_ns, int64_t after_ns, uint64_t ticks) {
  ++seen_.reads;
  if (!any_read_) {
    any_read_ = true;
  } else if (before_ns - last_before_ns_ > kMaxPeriodNs) {
    ForgetGrid();
    last_sharp_ns_ = 0;  // how many periods passed is anybody's guess
  } else if (ticks == last_ticks_) {
    ++seen_.empty;
    PassQuiet(before_ns);
  } else {
    ++seen_.edges;
    OnEdge(last_before_ns_, before_ns, after_ns);
  }
  last_before_ns_ = before_ns;
  last_ticks_ = ticks;
}

void UpdateEdges::Learn(int64_t period_ns, int64_t period_err_ns, int64_t jitter_ns) {
  seen_.period_ns = period_ns;
  seen_.period_err_ns = period_err_ns;
  seen_.jitter_ns = jitter_ns;
  learned_ = period_ns > 0;
  ForgetGrid();
}

void UpdateEdges::OnEdge(int64_t min_ns, int64_t before_ns, int64_t max_ns) {
  edge_min_ns_ = min_ns;
  edge_max_ns_ = max_ns;
  const int64_t width_ns = max_ns - min_ns;
  // Until a period is known, one that begins right after another edge is taken as it is: the shortest spacing tells.
  const bool sharp = seen_.period_ns == 0 || 4 * width_ns <= seen_.period_ns;
  if (sharp && !learned_) AddSharp(min_ns + width_ns / 2, width_ns);
  if (seen_.period_ns > 0) NarrowByGrid(before_ns);
  seen_.uncertainty_ns = (edge_max_ns_ - edge_min_ns_ + 1) / 2;
}

void UpdateEdges::AddSharp(int64_t at_ns, int64_t width_ns) {
  ++seen_.sharp;
  const int64_t wider_ns = std::max(width_ns, last_sharp_width_ns_);
  last_sharp_width_ns_ = width_ns;
  if (last_sharp_ns_ == 0) {
    last_sharp_ns_ = at_ns;
    BeginLine(at_ns);
    return;
  }
  const int64_t spacing_ns = at_ns - last_sharp_ns_;
  shortest_ns_ = shortest_ns_ == 0 ? spacing_ns : std::min(shortest_ns_, spacing_ns);
  if (4 * wider_ns > shortest_ns_) {
    // Reads as far apart as the updates see each read move, and between a read that took long and the next edge lies
    // any time: nothing is learned from that.
    seen_.sharp = 0;
    last_sharp_ns_ = shortest_ns_ = last_sharp_width_ns_ = 0;
    BeginLine(at_ns);
    return;
  }
  last_sharp_ns_ = at_ns;
  if (seen_.sharp <= kSpacingsToBegin) {
    first_sharp_ns_ = at_ns;  // the first few only tell the shortest spacing; the line begins after them
    return;
  }
  const auto period_ns = static_cast<double>(seen_.period_ns > 0 ? seen_.period_ns : shortest_ns_);
  const double passed = static_cast<double>(spacing_ns) / period_ns;
  const double doubt = seen_.period_ns > 0 ? static_cast<double>(seen_.period_err_ns) / period_ns : kShortestDoubt;
  if (passed * doubt > kCountableDoubt) {
    // Nobody can count the updates in between: a line across them might be bent by one. A new one begins.
    BeginLine(at_ns);
    return;
  }
  periods_ += std::max<int64_t>(1, std::llround(passed));
  FitLine(static_cast<double>(at_ns - first_sharp_ns_), static_cast<double>(width_ns));
}

void UpdateEdges::BeginLine(int64_t at_ns) {
  first_sharp_ns_ = at_ns;
  periods_ = 0;
  points_ = mean_number_ = mean_ns_ = number_squares_ = products_ = ns_squares_ = 0;
  line_leads_ = false;
}

void UpdateEdges::FitLine(double at_ns, double width_ns) {
  const auto number = static_cast<double>(periods_);
  points_ += 1;
  const double off_number = number - mean_number_;
  const double off_ns = at_ns - mean_ns_;
  mean_number_ += off_number / points_;
  mean_ns_ += off_ns / points_;
  number_squares_ += off_number * (number - mean_number_);
  products_ += off_number * (at_ns - mean_ns_);
  ns_squares_ += off_ns * (at_ns - mean_ns_);
  if (points_ < 3) return;
  const double period_ns = products_ / number_squares_;
  const double variance = std::max(0.0, ns_squares_ - period_ns * products_) / (points_ - 2);
  // Where an edge lies within its read is not known either: uniform over the width.
  const double deviation = std::max(std::sqrt(variance), width_ns / std::sqrt(12.0));
  const int64_t period_err_ns = std::llround(kJitters * deviation / std::sqrt(number_squares_)) + 1;
  // What an earlier line told holds until this one tells more.
  if (!line_leads_ && seen_.period_ns > 0 && period_err_ns >= seen_.period_err_ns) return;
  line_leads_ = true;
  seen_.period_ns = std::llround(period_ns);
  seen_.period_err_ns = period_err_ns;
  seen_.jitter_ns = std::llround(std::sqrt(variance));
}

int64_t UpdateEdges::slack_ns() const { return kJitters * seen_.jitter_ns + 1; }

void UpdateEdges::NarrowByGrid(int64_t before_ns) {
  const int64_t slack = slack_ns();
  if (grid_known_ && edge_max_ns_ - edge_min_ns_ <= kMaxBracketPeriods * seen_.period_ns) {
    // The last grid point that may have been seen, and whether the one before it may be what was seen instead.
    const int64_t passed =
        (edge_max_ns_ + slack - grid_min_ns_) / std::max<int64_t>(1, seen_.period_ns - seen_.period_err_ns);
    for (int64_t n = passed; n >= 0 && n >= passed - 2; --n) {
      const int64_t drift_ns = n * seen_.period_err_ns;
      const int64_t from_ns = grid_min_ns_ + n * seen_.period_ns - drift_ns;
      const int64_t to_ns = grid_max_ns_ + n * seen_.period_ns + drift_ns;
      if (from_ns - slack > edge_max_ns_) continue;
      if (to_ns + slack < edge_min_ns_) break;
      const bool certain = to_ns + slack <= before_ns || to_ns - seen_.period_ns + slack < edge_min_ns_;
      if (!certain) {
        // This one or the one before: the bracket stays as it is, and so does what is known of the grid.
        grid_min_ns_ = from_ns - seen_.period_ns;
        grid_max_ns_ = to_ns - seen_.period_ns;
        one_behind_ = true;
        periods_since_anchor_ += n - 1;
        return;
      }
      grid_min_ns_ = std::max(from_ns, edge_min_ns_ - slack);
      grid_max_ns_ = std::min(to_ns, edge_max_ns_ + slack);
      edge_min_ns_ = std::max(edge_min_ns_, grid_min_ns_ - slack);
      edge_max_ns_ = std::min(edge_max_ns_, grid_max_ns_ + slack);
      periods_since_anchor_ += n;
      one_behind_ = false;
      RefinePeriod();
      return;
    }
  }
  // The first edge, or one that contradicts the grid, or so far from the last that the counter may have been stopped:
  // begin with what this bracket says.
  BeginGrid();
}

void UpdateEdges::BeginGrid() {
  const int64_t slack = slack_ns();
  grid_known_ = true;
  one_behind_ = edge_max_ns_ - edge_min_ns_ > seen_.period_ns / 2;
  grid_min_ns_ = anchor_min_ns_ = edge_min_ns_ - slack;
  grid_max_ns_ = anchor_max_ns_ = edge_max_ns_ + slack;
  periods_since_anchor_ = 0;
}

void UpdateEdges::RefinePeriod() {
  if (periods_since_anchor_ < kPeriodsToRefine) return;
  const int64_t n = periods_since_anchor_;
  const int64_t min_ns = std::max((grid_min_ns_ - anchor_max_ns_) / n, seen_.period_ns - seen_.period_err_ns);
  const int64_t max_ns = std::min((grid_max_ns_ - anchor_min_ns_) / n + 1, seen_.period_ns + seen_.period_err_ns);
  if (max_ns < min_ns) return;  // a drift of the grid itself: what polling found stands
  seen_.period_ns = min_ns + (max_ns - min_ns) / 2;
  seen_.period_err_ns = (max_ns - min_ns + 1) / 2;
}

void UpdateEdges::PassQuiet(int64_t until_ns) {
  if (!grid_known_) return;
  // The last update was seen, and up to until_ns there was no other: between these lies its grid point, whichever of
  // two it was. Read once a period, this is where a blind reader learns most: the update fell just before the read
  // before.
  const int64_t slack = slack_ns();
  const int64_t min_ns = until_ns - seen_.period_ns - seen_.period_err_ns - slack;
  const int64_t max_ns = edge_max_ns_ + slack;
  if (min_ns > max_ns) {
    ForgetGrid();  // an update is missing
    return;
  }
  const bool overlap = min_ns <= grid_max_ns_ && max_ns >= grid_min_ns_;
  if (!one_behind_ && overlap) {
    grid_min_ns_ = std::max(grid_min_ns_, min_ns);
    grid_max_ns_ = std::min(grid_max_ns_, max_ns);
    return;
  }
  if (max_ns - min_ns > seen_.period_ns / 2) return;
  grid_min_ns_ = min_ns;
  grid_max_ns_ = max_ns;
  one_behind_ = false;
  const int64_t since_ns = (min_ns + max_ns - anchor_min_ns_ - anchor_max_ns_) / 2;
  periods_since_anchor_ = (since_ns + seen_.period_ns / 2) / seen_.period_ns;
  if (periods_since_anchor_ * seen_.period_err_ns > seen_.period_ns / 4) {
    anchor_min_ns_ = min_ns;  // so long ago that it may be one period more or less
    anchor_max_ns_ = max_ns;
    periods_since_anchor_ = 0;
  }
  RefinePeriod();
}

UpdateSummary UpdateEdges::Summary() const { return seen_; }

}  // namespace vrapl
