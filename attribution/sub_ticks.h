// Exact division of energy among rows, in parts of a tick.
//
// Energy is charged in sub-ticks of 2^-24 tick: small enough that a share of one tick among thousands of rows is not
// lost, whole numbers, so that sums are exact and do not depend on order.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace vrapl {

inline constexpr int kSubTickBits = 24;
inline constexpr uint64_t kSubTicksPerTick = uint64_t{1} << kSubTickBits;

// A running total in sub-ticks that cannot overflow: whole ticks and the fraction apart.
class SubTickTotal {
 public:
  void Add(uint64_t sub_ticks) {
    const uint64_t fraction = fraction_ + (sub_ticks & (kSubTicksPerTick - 1));
    ticks_ += (sub_ticks >> kSubTickBits) + (fraction >> kSubTickBits);
    fraction_ = fraction & (kSubTicksPerTick - 1);
  }
  uint64_t ticks() const { return ticks_; }
  uint64_t fraction() const { return fraction_; }  // sub-ticks above ticks(), below kSubTicksPerTick
  long double value() const {
    return static_cast<long double>(ticks_) + static_cast<long double>(fraction_) / kSubTicksPerTick;
  }

 private:
  uint64_t ticks_ = 0;
  uint64_t fraction_ = 0;
};

// Divides `amount` by `weights`: part i is amount x weight_i / sum, rounded down, and what rounding leaves (less than
// the number of rows) goes to the row with the largest weight, the first of equals. Sum of parts == amount, always.
// All weights 0: every part is 0 and nothing is divided; the caller must know where the amount goes.
// `parts` has the size of `weights`; weights are not negative.
void Divide(uint64_t amount, absl::Span<const int64_t> weights, absl::Span<uint64_t> parts);

// As Divide, but weight_i / `whole` with `whole` >= the sum of weights; returns what is left for nobody.
uint64_t DivideOfWhole(uint64_t amount, absl::Span<const int64_t> weights, uint64_t whole, absl::Span<uint64_t> parts);

// Turns sub-ticks into whole ticks at each flush, so that the rows' ticks sum to the counter's, no row's total ever
// falls, and what a row is owed is carried to the next flush.
class TickSettler {
 public:
  // owed[i]: sub-ticks charged to row i since the last call; their sum is a whole number of ticks. Rows may be added
  // between calls (at the end). Ticks are handed out by largest remainder, ties to the smaller index.
  std::vector<uint64_t> Settle(absl::Span<const uint64_t> owed);

  // Moves what `from` is owed to `to`, as when a row goes away.
  void MoveCarry(size_t from, size_t to);

 private:
  std::vector<int64_t> carry_;  // sub-ticks owed (or, below 0, paid ahead) per row; their sum is 0 between calls
};

}  // namespace vrapl
