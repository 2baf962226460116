// Where the books of one package get their samples from: the sampling loop while it runs, a recording afterwards. The
// books do not know which.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "base/energy_source.h"
#include "base/sample.h"
#include "sampler/lateness.h"

namespace vrapl {

// How the sampling went, since its start.
struct SamplerCounts {
  int cpu = 0;  // it is read on this one
  LatenessSummary lateness;
  uint64_t dropped = 0;  // samples merged into the next: the ring was full
  uint64_t read_errors = 0;
  uint64_t gaps = 0;
  int64_t unreported_switches = 0;
  int64_t late_run_time_ns = 0;
  uint64_t lost_records = 0;
  int64_t cpu_time_ns = 0;  // of the sampling thread
};

class PackageFeed {
 public:
  virtual ~PackageFeed() = default;

  virtual const PackageInfo& package() const = 0;
  // What the first sample counts from.
  virtual int64_t start_ns() const = 0;
  virtual const std::vector<uint64_t>& start_ticks() const = 0;  // per domain

  // Calls visit with the oldest sample, whose spans are valid during the call; false when there is none.
  // Threads: the flush thread.
  virtual bool Pop(absl::FunctionRef<void(const Sample&)> visit) = 0;
  virtual SamplerCounts counts() const = 0;
};

}  // namespace vrapl
