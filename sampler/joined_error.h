// The 95 % interval of an energy over several windows that follow one another, as if they were one: errors at the edges
// between them cancel, so it is computed of them all and is not the sum of theirs. Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "attribution/uncertainty.h"
#include "sampler/flush_report.h"

namespace vrapl {

// Of figures that are added: errors that may have one sign are too. Absent as soon as one is.
void AddError(std::optional<int64_t>& sum_uj, const std::optional<int64_t>& more_uj);

class JoinedError {
 public:
  // The next window: of a row of this counter, or of a VM on it.
  void Add(const CounterReport& counter, const RowErrorSums& sums, double model_err_uj);

  // Half width; nothing where it is not known of a window, or there was none.
  std::optional<int64_t> err_uj() const;

 private:
  bool known_ = true;
  CounterGrain grain_;  // the least favourable of all windows
  RowErrorSums sums_;
  double base_err_uj_ = 0;   // one base is too high, or too low, all the time
  double model_err_uj_ = 0;  // and so is what a model holds of a row
};

}  // namespace vrapl
