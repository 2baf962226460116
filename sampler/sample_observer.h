// Looks on while the books are kept: the recorder. What it sees, in the order in which it sees it, is all that the
// books are made from, so the same again gives the same books.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "base/sample.h"
#include "sampler/flush_report.h"
#include "vm/vm.h"

namespace vrapl {

// Threads: the flush thread.
class SampleObserver {
 public:
  virtual ~SampleObserver() = default;

  // From the next sample on, these VMs run.
  virtual void OnVms(const std::vector<Vm>& vms) = 0;
  // sample.threads[i] was booked in row rows[i] of the row table. `package` counts the feeds.
  virtual void OnSample(int package, const Sample& sample, absl::Span<const int> rows) = 0;
  // A flush will end at the first samples at or after t_ns (CLOCK_MONOTONIC), beside those of the grid.
  virtual void OnFlushEnd(int64_t t_ns) = 0;
  // A flush has ended; the rows of `retired` are free from now on. May add to the report what it knows.
  virtual void OnReport(FlushReport& report, const std::vector<VmRun>& retired) = 0;
};

}  // namespace vrapl
