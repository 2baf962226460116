#include "sampler/lateness.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <random>
#include <thread>
#include <vector>

namespace vrapl {
namespace {

constexpr int64_t kPeriodNs = 1'000'000;

// The value below which `fraction` of the sorted values lie.
int64_t Quantile(const std::vector<int64_t>& sorted, double fraction) {
  return sorted[static_cast<size_t>(fraction * static_cast<double>(sorted.size()))];
}

void ExpectWithinABucket(int64_t told, int64_t truth, const char* what) {
  EXPECT_GE(told, truth) << what;
  EXPECT_LE(static_cast<double>(told), static_cast<double>(truth) * 1.125) << what;
}

TEST(LatenessTest, QuantilesAreWithinABucketOfTheSortedValues) {
  for (uint32_t seed = 0; seed < 20; ++seed) {
    std::mt19937_64 random(seed);
    std::lognormal_distribution<double> some(std::log(50.0 + 1000.0 * seed), 0.1 + 0.15 * seed);
    Lateness lateness(kPeriodNs);
    std::vector<int64_t> values;
    for (int i = 0; i < 20'000; ++i) {
      values.push_back(static_cast<int64_t>(some(random)));
      lateness.Record(values.back());
    }
    std::sort(values.begin(), values.end());
    const LatenessSummary summary = lateness.Summary();
    ExpectWithinABucket(summary.p50_ns, Quantile(values, 0.5), "p50");
    ExpectWithinABucket(summary.p99_ns, Quantile(values, 0.99), "p99");
    ExpectWithinABucket(summary.p999_ns, Quantile(values, 0.999), "p999");
    EXPECT_EQ(summary.max_ns, values.back());
    EXPECT_EQ(summary.samples, values.size());
    EXPECT_EQ(summary.late, static_cast<uint64_t>(std::count_if(values.begin(), values.end(),
                                                                [](int64_t ns) { return ns > kPeriodNs / 2; })));
  }
}

TEST(LatenessTest, EveryValueHasABucketThatHoldsIt) {
  std::vector<int64_t> values = {0, INT64_MAX};
  for (int bit = 0; bit < 62; ++bit) {
    for (const int64_t offset : {-1, 0, 1}) values.push_back((int64_t{1} << bit) + offset);
  }
  for (const int64_t value : values) {
    Lateness lateness(kPeriodNs);
    for (int i = 0; i < 100; ++i) lateness.Record(value);
    // The largest value keeps the bucket's upper bound from hiding where the bucket is.
    lateness.Record(INT64_MAX);
    const LatenessSummary summary = lateness.Summary();
    if (value < INT64_MAX / 2) ExpectWithinABucket(summary.p50_ns, value, std::to_string(value).c_str());
  }
}

TEST(LatenessTest, NoQuantileExceedsTheMaximum) {
  Lateness lateness(kPeriodNs);
  for (int i = 0; i < 10; ++i) lateness.Record(100'001);
  const LatenessSummary summary = lateness.Summary();
  EXPECT_EQ(summary.p50_ns, 100'001);
  EXPECT_EQ(summary.p999_ns, 100'001);
}

TEST(LatenessTest, NothingRecordedIsNothing) {
  const LatenessSummary summary = Lateness(kPeriodNs).Summary();
  EXPECT_EQ(summary.samples, 0u);
  EXPECT_EQ(summary.p50_ns, 0);
  EXPECT_EQ(summary.max_ns, 0);
}

TEST(LatenessTest, EarlyIsOnTimeAndMissedTicksAreSummed) {
  Lateness lateness(kPeriodNs);
  lateness.Record(-5);
  lateness.Record(kPeriodNs / 2);
  lateness.Record(kPeriodNs / 2 + 1);
  lateness.RecordMissed(3);
  lateness.RecordMissed(4);
  const LatenessSummary summary = lateness.Summary();
  EXPECT_EQ(summary.samples, 3u);
  EXPECT_EQ(summary.late, 1u);
  EXPECT_EQ(summary.missed, 7u);
  EXPECT_EQ(summary.max_ns, kPeriodNs / 2 + 1);
}

TEST(LatenessTest, CanBeReadWhileItIsFilled) {
  Lateness lateness(kPeriodNs);
  std::thread writer([&] {
    for (int64_t i = 0; i < 200'000; ++i) lateness.Record(i % 2000);
  });
  uint64_t last = 0;
  for (int i = 0; i < 100; ++i) {
    const LatenessSummary summary = lateness.Summary();
    EXPECT_GE(summary.samples, last);
    EXPECT_LE(summary.p999_ns, 2300);
    last = summary.samples;
  }
  writer.join();
  EXPECT_EQ(lateness.Summary().samples, 200'000u);
}

}  // namespace
}  // namespace vrapl
