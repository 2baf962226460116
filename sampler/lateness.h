// How late the millisecond thread woke, against the intended tick: a histogram that one thread fills and any thread
// reads while it does.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>

namespace vrapl {

struct LatenessSummary {
  uint64_t samples = 0;
  uint64_t late = 0;    // woke more than half a period after the deadline
  uint64_t missed = 0;  // deadlines that passed without a sample of their own
  // Upper bounds of the histogram's buckets, at most 12.5 % above the true quantile.
  int64_t p50_ns = 0;
  int64_t p99_ns = 0;
  int64_t p999_ns = 0;
  int64_t max_ns = 0;
};

class Lateness {
 public:
  explicit Lateness(int64_t period_ns) : late_beyond_ns_(period_ns / 2) {}

  // Threads: the sampling thread.
  void Record(int64_t late_ns) {
    if (late_ns < 0) late_ns = 0;
    Increment(buckets_[BucketOf(static_cast<uint64_t>(late_ns))], 1);
    Increment(samples_, 1);
    if (late_ns > late_beyond_ns_) Increment(late_, 1);
    if (late_ns > max_ns_.load(std::memory_order_relaxed)) max_ns_.store(late_ns, std::memory_order_relaxed);
  }
  void RecordMissed(uint64_t ticks) { Increment(missed_, ticks); }

  // Threads: any.
  LatenessSummary Summary() const;

 private:
  // 8 buckets per power of two.
  static constexpr size_t kBuckets = 64 * 8;
  static size_t BucketOf(uint64_t ns) {
    if (ns < 8) return ns;
    const int exponent = std::bit_width(ns) - 4;
    return static_cast<size_t>(exponent) * 8 + (ns >> exponent);
  }
  static int64_t UpperBound(size_t bucket) {
    if (bucket < 8) return static_cast<int64_t>(bucket);
    const size_t exponent = bucket / 8 - 1;
    return static_cast<int64_t>(((bucket % 8 + 9) << exponent) - 1);
  }
  // One writer: a plain read and write is enough, and cheaper than a locked add.
  static void Increment(std::atomic<uint64_t>& counter, uint64_t by) {
    counter.store(counter.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
  }

  const int64_t late_beyond_ns_;
  std::array<std::atomic<uint64_t>, kBuckets> buckets_{};
  std::atomic<uint64_t> samples_{0};
  std::atomic<uint64_t> late_{0};
  std::atomic<uint64_t> missed_{0};
  std::atomic<int64_t> max_ns_{0};
};

}  // namespace vrapl
