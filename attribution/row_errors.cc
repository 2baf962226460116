#include "attribution/row_errors.h"

#include <algorithm>
#include <utility>

#include "attribution/sub_ticks.h"

namespace vrapl {

// Its parts are to be added to parts_.
void RowErrors::BeginStep(double power, Pair times_ns) {
  const bool first = std::exchange(ended_, false);
  if (first) {
    ++step_.window;
    begin_power_ = power;
    times_ns_ = Pair{0, 0};
  } else {
    TakeStep(power);
  }
  ++step_.number;
  step_.first = first;
  step_.power = power;
  step_.times_ns = times_ns;
  times_ns_ += times_ns;
}

// nullopt: the window ends there.
void RowErrors::TakeStep(std::optional<double> end_power) {
  Step step = step_;
  const double at_begin = step.first ? 0 : step.power;
  const double at_end = end_power.value_or(0);
  step.inner = at_begin - at_end;
  step.own = Pair{at_begin * at_begin + at_end * at_end, (step.first ? 0.0 : 1.0) + (end_power ? 1.0 : 0.0)};
  step.before = step.first ? Pair{0, 0} : Pair{-2 * at_begin * at_begin, -2};
  double of_group = 0;
  int group = -1;  // rows of a group mostly follow one another
  for (const Part& part : parts_) {
    Row& row = rows_[static_cast<size_t>(part.row)];
    if (row.squares.window != step.window) row = {.squares = {.window = step.window}};
    const auto share = static_cast<float>(part.share);
    Take(row.squares, share, step);
    row.inner += step.inner * static_cast<double>(share);
    row.times_ns += step.times_ns * static_cast<double>(share);
    row.group = part.group;
    if (step.first) row.begin_share = share;
    if (part.group != group) {
      TakeGroup(group, of_group, step);
      group = part.group;
      of_group = 0;
    }
    of_group += part.share;
  }
  TakeGroup(group, of_group, step);
  parts_.clear();
}

void RowErrors::Take(Squares& squares, float share, const Step& step) {
  squares.share_before = squares.step + 1 == step.number ? squares.share : 0;
  squares.share = share;
  squares.step = step.number;
  const double now = share;
  squares.sum += now * (now * step.own + static_cast<double>(squares.share_before) * step.before);
}

void RowErrors::TakeGroup(int id, double exact_share, const Step& step) {
  if (id < 0) return;
  const auto index = static_cast<size_t>(id);
  if (groups_.size() <= index) groups_.resize(index + 1);
  Squares& group = groups_[index];
  if (group.window != step.window) group = {.window = step.window};
  const auto share = static_cast<float>(exact_share);
  if (group.step != step.number) return Take(group, share, step);
  // More of it.
  const double had = group.share;
  const double more = share;
  group.sum += more * ((2 * had + more) * step.own + static_cast<double>(group.share_before) * step.before);
  group.share += share;
}

void RowErrors::Add(const Move& move, const Division& division) {
  const auto dt_ns = static_cast<double>(move.dt_ns);
  // A base may be known to be nothing, give or take.
  const bool based = division.floor > 0 || (division.active && move.base.known);
  BeginStep(move.edge_power, Pair{based ? dt_ns : 0, static_cast<double>(move.busy_ns)});
  double whole = 0;
  if (division.whole) {
    whole = static_cast<double>(*division.whole);
  } else {
    int64_t sum = 0;
    for (const int64_t weight : division.weights) sum += weight;
    whole = static_cast<double>(sum);
  }
  const double of_whole = whole > 0 ? 1 / whole : 0;
  double others = 0;
  int last_row = 0;
  // A model that names its own rows does not say whose they are; the move does, of those that ran in it.
  if (!division.rows.empty()) {
    for (const RowTime& row : move.rows) {
      if (rows_.size() <= static_cast<size_t>(row.row)) rows_.resize(static_cast<size_t>(row.row) + 1);
      rows_[static_cast<size_t>(row.row)].group = row.group;
    }
  }
  parts_.resize(division.weights.size());
  for (size_t i = 0; i < parts_.size(); ++i) {
    Part& part = parts_[i];
    part.share = static_cast<double>(division.weights[i]) * of_whole;
    others += part.share;
    if (division.rows.empty()) {
      part.row = move.rows[i].row;
      part.group = move.rows[i].group;
    } else {
      part.row = division.rows[i];
      part.group = static_cast<size_t>(part.row) < rows_.size() ? rows_[static_cast<size_t>(part.row)].group : -1;
    }
    last_row = std::max(last_row, part.row);
  }
  if (rows_.size() <= static_cast<size_t>(last_row)) rows_.resize(static_cast<size_t>(last_row) + 1);
  const double seen = move.edge_power * dt_ns * 1e-3 * static_cast<double>(kSubTicksPerTick);
  const double floor = seen > 0 ? std::min(1.0, static_cast<double>(division.floor) / seen) : 0;
  const double rest = division.unclaimed && whole > 0 ? 0 : std::max(0.0, 1 - others);
  parts_.push_back({.row = kIdleRow, .share = std::min(1.0, rest + others * floor)});
}

void RowErrors::EndWindow(double power, absl::Span<const RowTime> waiting, int64_t busy_ns) {
  if (busy_ns > 0) {
    // No model has divided yet what is to come: by run time. It is no energy of this window, nor is its time.
    BeginStep(power, Pair{0, 0});
    for (const RowTime& row : waiting) {
      if (rows_.size() <= static_cast<size_t>(row.row)) rows_.resize(static_cast<size_t>(row.row) + 1);
      parts_.push_back({row.row, row.group, static_cast<double>(row.run_ns) / static_cast<double>(busy_ns)});
    }
    parts_.push_back({.row = kIdleRow, .share = rows_[kIdleRow].squares.share});
  } else if (ended_) {
    // Nothing happened in this one.
    BeginStep(power, Pair{0, 0});
    if (!rows_.empty()) parts_.push_back({.row = kIdleRow, .share = rows_[kIdleRow].squares.share});
  }
  TakeStep(std::nullopt);
  end_power_ = power;
  ended_ = true;
}

// Of who had no part in the last step, the share is none.
RowErrors::Row RowErrors::Ended(int id) const {
  const auto index = static_cast<size_t>(id);
  if (index >= rows_.size() || rows_[index].squares.window != step_.window) return {};
  Row row = rows_[index];
  if (row.squares.step != step_.number) row.squares.share = 0;
  return row;
}

RowErrorSums RowErrors::SumsOf(const Row& row) const {
  RowErrorSums out;
  out.begin_power_w_ = begin_power_;
  out.last_power_w_ = end_power_;
  out.dt_ns_ = times_ns_[0];
  out.busy_ns_ = times_ns_[1];
  out.begin_share_ = row.begin_share;
  out.last_share_ = row.squares.share;
  out.inner_w_ = row.inner;
  // Where nothing changes, rounding may leave less than nothing.
  out.inner_squares_w_ = std::max(0.0, row.squares.sum[0]);
  out.share_squares_ = std::max(0.0, row.squares.sum[1]);
  out.share_ns_ = row.times_ns[0];
  out.run_ns_ = row.times_ns[1];
  return out;
}

RowErrorSums RowErrors::OfRow(int id) const {
  Row row = Ended(id);
  if (id == kIdleRow) row.times_ns = Pair{times_ns_[0], times_ns_[0] > 0 ? times_ns_[1] : 0};
  return SumsOf(row);
}

// All but the squares is the sum of its rows'.
RowErrorSums RowErrors::OfGroup(int id, absl::Span<const int> rows) const {
  Row sum;
  for (const int of_group : rows) {
    const Row row = Ended(of_group);
    sum.inner += row.inner;
    sum.times_ns += row.times_ns;
    sum.begin_share += row.begin_share;
    sum.squares.share += row.squares.share;
  }
  const auto index = static_cast<size_t>(id);
  if (index < groups_.size() && groups_[index].window == step_.window) sum.squares.sum = groups_[index].sum;
  return SumsOf(sum);
}

void RowErrors::Retire(int row) {
  const auto index = static_cast<size_t>(row);
  if (index >= rows_.size()) return;
  const int group = std::exchange(rows_[index], {}).group;
  if (group >= 0) groups_[static_cast<size_t>(group)] = {};
}

}  // namespace vrapl
