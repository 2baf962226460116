#include "attribution/move_log.h"

#include <algorithm>

namespace vrapl {

void MoveLog::Append(const Move& move) {
  moves_.push_back(move);
  first_row_.push_back(rows_.size());
  rows_.insert(rows_.end(), move.rows.begin(), move.rows.end());
}

void MoveLog::SetBase(const BasePower& base) {
  for (Move& move : moves_) {
    move.base = base;
    move.floor = std::min(move.energy, BaseEnergy(base, move.dt_ns));
  }
}

absl::Span<const Move> MoveLog::moves() {
  // Only now, since the rows move in memory while they grow.
  for (size_t i = 0; i < moves_.size(); ++i) {
    moves_[i].rows = absl::MakeConstSpan(rows_).subspan(first_row_[i], moves_[i].rows.size());
  }
  return moves_;
}

void MoveLog::Clear() {
  moves_.clear();
  first_row_.clear();
  rows_.clear();
}

}  // namespace vrapl
