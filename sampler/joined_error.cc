#include "sampler/joined_error.h"

#include <algorithm>
#include <cmath>

namespace vrapl {

void AddError(std::optional<int64_t>& sum_uj, const std::optional<int64_t>& more_uj) {
  if (sum_uj && more_uj) {
    *sum_uj += *more_uj;
  } else {
    sum_uj.reset();
  }
}

void JoinedError::Add(const CounterReport& counter, const RowErrorSums& sums, double model_err_uj) {
  if (!counter.grain) {
    known_ = false;
    return;
  }
  const bool first = grain_.unit_uj == 0;
  grain_ = {.unit_uj = counter.grain->unit_uj,
            .period_ns = std::max(grain_.period_ns, counter.grain->period_ns),
            .jitter_ns = std::max(grain_.jitter_ns, counter.grain->jitter_ns),
            .skew_ns = std::max(grain_.skew_ns, counter.grain->skew_ns),
            .at_edges = counter.grain->at_edges && (first || grain_.at_edges)};
  sums_.Append(sums);
  // In ticks are times only: W x time is uJ whatever they are of.
  base_err_uj_ += sums.BaseErrorUj(counter.base_err_w);
  model_err_uj_ += model_err_uj;
}

std::optional<int64_t> JoinedError::err_uj() const {
  if (!known_ || grain_.unit_uj == 0) return std::nullopt;
  return std::llround(std::ceil(ErrorOfTicksUj(sums_, grain_, 0, std::hypot(base_err_uj_, model_err_uj_))));
}

}  // namespace vrapl
