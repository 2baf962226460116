// What the errors of all rows of one counter are computed from (RowErrorSums of attribution/uncertainty.h), and those
// of all VMs, as one: fed with each division of energy, asked when a window has ended.
//
// A row costs time in a division in which it has a part, or had one in the division before; all others cost nothing,
// however many there are. A VM is a group of rows (RowTime::group). Its error is that of its rows' common share, and
// not the sum of theirs: what one vCPU loses at an edge to another of the same VM, the VM does not lose.
//
// The idle row's share is what nobody else's is, and of what others have the part of the floor. The base power's error
// is its own too: what a base is too high by, others lack.
//
// Pure. Energies in ticks, powers in ticks per us.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "attribution/model_rule.h"
#include "attribution/uncertainty.h"

namespace vrapl {

class RowErrors {
 public:
  // `move` was divided so. Move::edge_power is the power at its beginning.
  void Add(const Move& move, const Division& division);

  // The window ends now, at this power. `waiting`: who ran since the last move that was added, of which no energy has
  // come yet; with busy_ns, the run time of all of them.
  void EndWindow(double power, absl::Span<const RowTime> waiting, int64_t busy_ns);

  // Of the window that ended last, until the next call of Add(). A group is asked for with all rows that it has.
  RowErrorSums OfRow(int row) const;
  RowErrorSums OfGroup(int group, absl::Span<const int> rows) const;

  // The number of the row will be another's, and so will that of its group.
  void Retire(int row);

 private:
  // Two numbers that are reckoned with alike.
  using Pair = double __attribute__((vector_size(16)));
  // Sums of squares of what changes from step to step, of power x share and of the share, as sums of
  // share x share and share x share before: a row then costs nothing in steps in which its share is 0.
  // Shares are rounded to float once, so that one that stays the same changes by nothing.
  struct Squares {
    Pair sum = {0, 0};
    float share = 0;         // in that step
    float share_before = 0;  // in the step before that
    uint32_t step = 0;       // that was taken last
    uint32_t window = 0;     // that this is of; 0: none
  };
  // A cache line.
  struct alignas(64) Row {
    Squares squares;
    Pair times_ns = {0, 0};  // share x {time of which a floor was taken off, busy CPU time}
    double inner = 0;        // power x change
    float begin_share = 0;
    int32_t group = -1;
  };
  static_assert(sizeof(Row) == 64);
  // What sums gain by a share in a step. Changes at both of its edges are of it, but for those at the ends of a window.
  struct Step {
    uint32_t number = 1;
    uint32_t window = 1;
    bool first = false;      // of the window
    double power = 0;        // where it begins
    double inner = 0;        // x share
    Pair own = {0, 0};       // x share x share
    Pair before = {0, 0};    // x share x share before
    Pair times_ns = {0, 0};  // x share
  };
  struct Part {
    int row = 0;
    int group = -1;
    double share = 0;
  };

  void BeginStep(double power, Pair times_ns);
  void TakeStep(std::optional<double> end_power);
  static void Take(Squares& squares, float share, const Step& step);
  void TakeGroup(int group, double share, const Step& step);
  Row Ended(int row) const;
  RowErrorSums SumsOf(const Row& row) const;

  std::vector<Row> rows_ = std::vector<Row>(kFirstFreeRow);
  std::vector<Squares> groups_;
  Step step_;                // that waits to be taken, until the power at its end is known
  std::vector<Part> parts_;  // in it
  bool ended_ = true;        // the next step is of the next window
  double begin_power_ = 0;
  double end_power_ = 0;
  Pair times_ns_ = {0, 0};  // of the window, as Step::times_ns
};

}  // namespace vrapl
