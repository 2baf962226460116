#include "attribution/core_energy.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace vrapl {

CoreEnergy::Given& CoreEnergy::given(int row) {
  const auto index = static_cast<size_t>(row);
  if (given_.size() <= index) given_.resize(index + 1);
  return given_[index];
}

void CoreEnergy::Add(size_t core, absl::Span<const RowTime> rows, std::optional<uint64_t> ticks) {
  Core& at = cores_[core];
  if (!ticks) {
    at.waiting.clear();
    return;
  }
  for (const RowTime& row : rows) {
    const auto same =
        std::find_if(at.waiting.begin(), at.waiting.end(), [&](const RowTime& other) { return other.row == row.row; });
    if (same == at.waiting.end()) {
      at.waiting.push_back(row);
    } else {
      same->run_ns += row.run_ns;
    }
  }
  if (*ticks == 0) return;
  double run_ns = 0;
  for (const RowTime& row : at.waiting) run_ns += static_cast<double>(row.run_ns);
  for (const RowTime& row : at.waiting) {
    if (row.run_ns <= 0) continue;
    Given& to = given(row.row);
    to.nj += static_cast<double>(*ticks) * at.nj_per_tick * static_cast<double>(row.run_ns) / run_ns;
    to.group = row.group;
    if (!std::exchange(to.listed, true)) rows_.push_back(row.row);
  }
  at.waiting.clear();
}

void CoreEnergy::MoveTo(std::vector<RowTime>& rows) {
  const auto take = [](Given& from) {
    const double whole = std::floor(from.nj);
    from.nj -= whole;
    from.listed = false;
    return static_cast<int64_t>(std::min(whole, 1e15));  // no machine used more in one sample
  };
  for (RowTime& row : rows) {
    Given& from = given(row.row);
    if (from.listed) row.core_nj += take(from);
  }
  for (const int row : rows_) {
    Given& from = given(row);
    if (from.listed) rows.push_back({.row = row, .core_nj = take(from), .group = from.group});
  }
  rows_.clear();
}

void CoreEnergy::Retire(int row, int heir) {
  const double nj = std::exchange(given(row).nj, 0);
  given(heir).nj += nj;
  if (std::erase(rows_, row) > 0 && !std::exchange(given(heir).listed, true)) rows_.push_back(heir);
  given(row) = {};
  for (Core& core : cores_) {
    for (RowTime& at : core.waiting) {
      if (at.row == row) at.row = heir;
    }
  }
}

}  // namespace vrapl
