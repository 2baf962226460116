// What the sources that read hardware counters share: raw readings in, guarded totals out, bracketed by two clock
// reads.
#pragma once

#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "base/clock.h"
#include "base/energy_counter.h"
#include "base/energy_source.h"

namespace vrapl {

class CounterSource : public EnergySource {
 public:
  const PackageInfo& package() const final { return package_; }

  void Read(EnergySample& sample) final {
    // All counters first, with nothing in between, so that they are as close in time as they can be.
    sample.before_ns = clock_.NowNs();
    ReadRaw(absl::MakeSpan(raw_), absl::MakeSpan(error_));
    sample.after_ns = clock_.NowNs();
    for (size_t i = 0; i < counters_.size(); ++i) {
      sample.error[i] = error_[i] != 0 ? error_[i] : counters_[i].Advance(raw_[i], sample.after_ns);
      sample.ticks[i] = counters_[i].total().count;
    }
  }

  void StartAnew() final {
    for (GuardedCounter& counter : counters_) counter.Forget();
  }

 protected:
  CounterSource(const Clock& clock, PackageInfo package) : clock_(clock), package_(std::move(package)) {}

  // While the source is made: its next domain, which showed `first` just now. Errors: UNIMPLEMENTED when a sample has
  // no room for so many.
  absl::Status AddCounter(DomainInfo domain, uint64_t first);

  // Reads every counter once, as it stands: raw[i] and error[i] are those of the i-th AddCounter(). error[i] is 0 or an
  // errno, and then raw[i] means nothing. Must not allocate, lock, log or wait.
  virtual void ReadRaw(absl::Span<uint64_t> raw, absl::Span<int32_t> error) = 0;

  PackageInfo& mutable_package() { return package_; }
  const Clock& clock() const { return clock_; }

 private:
  const Clock& clock_;
  PackageInfo package_;
  std::vector<GuardedCounter> counters_;  // counters_, raw_ and error_ go with package_.domains
  std::vector<uint64_t> raw_;
  std::vector<int32_t> error_;
};

}  // namespace vrapl
