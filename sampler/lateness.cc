#include "sampler/lateness.h"

#include <algorithm>

namespace vrapl {

LatenessSummary Lateness::Summary() const {
  LatenessSummary summary{.samples = samples_.load(std::memory_order_relaxed),
                          .late = late_.load(std::memory_order_relaxed),
                          .missed = missed_.load(std::memory_order_relaxed),
                          .max_ns = max_ns_.load(std::memory_order_relaxed)};
  uint64_t total = 0;
  for (const auto& bucket : buckets_) total += bucket.load(std::memory_order_relaxed);
  const auto quantile = [&](double fraction) -> int64_t {
    const auto wanted = static_cast<uint64_t>(fraction * static_cast<double>(total));
    uint64_t seen = 0;
    for (size_t i = 0; i < kBuckets; ++i) {
      seen += buckets_[i].load(std::memory_order_relaxed);
      if (seen > wanted) return std::min(UpperBound(i), summary.max_ns);
    }
    return summary.max_ns;
  };
  if (total > 0) {
    summary.p50_ns = quantile(0.5);
    summary.p99_ns = quantile(0.99);
    summary.p999_ns = quantile(0.999);
  }
  return summary;
}

}  // namespace vrapl
