// Who ran in one sample of a package: what the ledger and its models are fed with.
#pragma once

#include <cstdint>

#include "absl/types/span.h"

namespace vrapl {

// Rows are numbers; what they stand for is the caller's affair, except three that every ledger has.
inline constexpr int kIdleRow = 0;        // nobody ran
inline constexpr int kStolenRow = 1;      // the CPU was not ours; charged no energy: ours did not flow
inline constexpr int kUnreportedRow = 2;  // somebody ran, we do not know who
inline constexpr int kFirstFreeRow = 3;

struct RowTime {
  int row = 0;
  int64_t run_ns = 0;
  // Of run_ns, what it had its physical core to itself, and what an SMT sibling ran something beside it. What is left
  // over is time in which nobody knows what the sibling did.
  int64_t solo_ns = 0;
  int64_t shared_ns = 0;
  // Energy, nJ, that counters of single cores gave to it: who ran on a core gets what the core used. 0 where there are
  // none. It may have come a sample later than the run time that it is of.
  int64_t core_nj = 0;
  // Rows of one group belong together, as the threads of a VM: models that look at VMs take them as one. Below 0: the
  // row stands for itself.
  int group = -1;
};

// How the CPUs of the package spent the time of one sample.
struct TimeWindow {
  int64_t dt_ns = 0;
  int cpus = 0;
  // Run time of those that ran, kUnreportedRow included; not idle or stolen. In any order; ascending is quickest.
  absl::Span<const RowTime> rows;
};

// Time in which any of the rows ran, ns, as if who runs did not depend on who else does. All of dt_ns where the
// rest is too little to be of the package and not of this estimate.
double AwakeNs(absl::Span<const RowTime> rows, int64_t dt_ns);

}  // namespace vrapl
