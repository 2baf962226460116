// The switch log against the kernel's own accounts on the kernel of a guest, one load after the other. Prints the table
// that run_time_check prints.
#include <gmock/gmock.h>

#include <algorithm>
#include <cstdio>
#include <memory>

#include "tests/bpf/check_table.h"
#include "tests/bpf/workloads.h"
#include "tests/requirements.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

// What no disturbance from outside may touch: every switch is there, with its thread, and every nanosecond has a row.
void ExpectLaws(const RunTimeCheckReport& report) {
  EXPECT_EQ(report.method, RunTimeMethod::kBpf);
  EXPECT_EQ(report.residual_ns, 0);
  EXPECT_EQ(report.switches_different, 0u);
  EXPECT_EQ(report.recursion_misses, 0u);
  if (report.lost_records > 0 || report.oracle_drops > 0) return;  // the reader was held up until it was lapped
  EXPECT_EQ(report.log_only, 0u);
  EXPECT_EQ(report.oracle_only, 0u);
}

TEST(OracleGuestTest, EveryLoadIsWithinBounds) {
  VRAPL_NEEDS("kernel");
  std::fputs(MarkdownHead().c_str(), stdout);
  int ran = 0;
  for (const std::unique_ptr<Workload>& workload : AllWorkloads()) {
    if (workload->name() == "500-threads") continue;  // more than a minute for half a second of it on emulated CPUs
    SCOPED_TRACE(workload->name());
    // The host stops an emulated CPU where it likes, also between two looks of the scheduler at its clock: for those
    // milliseconds, account and log differ. Half of the slices at least are spared, and a host that is left in peace
    // keeps to the bounds of a real one, which stand in the last column.
    constexpr int kTries = 5;
    double slice_ns = 1e9;
    double thread = 1;
    for (int i = 0; i < kTries && (slice_ns > 100 || thread > 0.001); ++i) {
      const absl::StatusOr<WorkloadCheck> check = CheckWorkload(*workload, /*seconds=*/0.5);
      ASSERT_THAT(check, IsOk());
      std::fputs(MarkdownRow(*check).c_str(), stdout);
      if (!check->refused.empty()) {
        slice_ns = thread = 0;
        break;
      }
      ++ran;
      ExpectLaws(check->report);
      if (check->report.lost_records > 0 || check->report.oracle_drops > 0) continue;
      slice_ns = std::min(slice_ns, check->report.slice_unexplained_ns.p50);
      thread = std::min(thread, check->report.thread_unexplained.p50);
    }
    EXPECT_LE(slice_ns, 100) << "the median of the errors per slice, the best of " << kTries;
    EXPECT_LE(thread, 0.001) << "the median of the errors per thread, the best of " << kTries;
  }
  EXPECT_GE(ran, 8);
}

}  // namespace
}  // namespace vrapl
