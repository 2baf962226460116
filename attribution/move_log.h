// Moves of a counter that wait to be charged, with copies of their rows.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "attribution/model_rule.h"
#include "attribution/time_window.h"

namespace vrapl {

class MoveLog {
 public:
  void Append(const Move& move);
  // So long that it had better be charged now, settled or not: some seconds at 1 kHz.
  bool full() const { return moves_.size() >= kMostMoves || rows_.size() >= kMostRows; }
  // From now on this is known of the base, for all that is in here.
  void SetBase(const BasePower& base);
  // Valid until the next call of Append() or Clear().
  absl::Span<const Move> moves();
  void Clear();

  static constexpr size_t kMostMoves = 4096;
  static constexpr size_t kMostRows = 4 << 20;

 private:
  std::vector<Move> moves_;
  std::vector<size_t> first_row_;  // of each move, in rows_
  std::vector<RowTime> rows_;
};

}  // namespace vrapl
