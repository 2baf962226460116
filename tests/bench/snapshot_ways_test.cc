// The ways that are compared tell the same: a way that told nothing would be cheap.
#include "bench/snapshot_ways.h"

#include <gmock/gmock.h>
#include <time.h>

#include "base/clock.h"
#include "bench/load.h"
#include "tests/requirements.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

class SnapshotWaysTest : public testing::Test {
 protected:
  static constexpr int kThreads = 50;

  void SetUp() override {
    VRAPL_NEEDS("kernel");
    absl::StatusOr<std::unique_ptr<SwitchLog>> log = SwitchLog::Attach();
    ASSERT_THAT(log, IsOk());
    log_ = *std::move(log);
    SwitchProgramOr two_hashes = LoadTwoHashes();
    ASSERT_THAT(two_hashes, IsOk());
    two_hashes_ = *std::move(two_hashes);
    ASSERT_THAT(two_hashes_->Attach(), IsOk());
    absl::StatusOr<std::unique_ptr<TaskSums>> sums = TaskSums::Load();
    ASSERT_THAT(sums, IsOk());
    sums_ = *std::move(sums);
    ring_.Pass(2 * kThreads, kThreads);
    ways_.push_back(BatchSnapshots(*two_hashes_, kThreads));
    ways_.push_back(IteratorSnapshots(*sums_, kThreads));
    for (const char* file : {"stat", "schedstat"}) {
      for (const Files files : {Files::kPread, Files::kOpenReadClose}) {
        ways_.push_back(ProcSnapshots(file, files, ring_.tids()));
      }
    }
  }

  Ring ring_{kThreads};
  std::unique_ptr<SwitchLog> log_;
  std::unique_ptr<SwitchProgram> two_hashes_;
  std::unique_ptr<TaskSums> sums_;
  std::vector<std::unique_ptr<SnapshotWay>> ways_;  // those that tell totals
};

TEST_F(SnapshotWaysTest, EachTellsOfEveryThread) {
  for (const std::unique_ptr<SnapshotWay>& way : ways_) {
    way->Begin();
    EXPECT_GE(way->Take().threads, static_cast<size_t>(kThreads)) << way->name();
    EXPECT_EQ(way->Dropped(), 0u) << way->name();
  }
}

// Two threads run for 150 ms each: ticks of 10 ms must be seen to move too.
TEST_F(SnapshotWaysTest, EachTellsHowLongTheyRan) {
  const std::unique_ptr<SnapshotWay> ours = OurSnapshots(*log_);
  ours->Begin();
  std::vector<int64_t> before_ns;
  for (const std::unique_ptr<SnapshotWay>& way : ways_) before_ns.push_back(way->Take().run_time_ns);
  int64_t ours_ns = 0;
  int64_t burnt_ns = 0;
  while (burnt_ns < 300 * kNanosPerMilli) {
    ring_.Pass(1000, 2);
    ours_ns += ours->Take().run_time_ns;
    burnt_ns = 0;
    for (const pid_t tid : ring_.tids()) {
      timespec used;
      // The clock of a thread of this process by its id: ~tid in the upper bits, "per thread, all it ran" below.
      ASSERT_EQ(::clock_gettime(static_cast<clockid_t>((~static_cast<unsigned>(tid) << 3) | 6), &used), 0);
      burnt_ns += used.tv_sec * kNanosPerSecond + used.tv_nsec;
    }
  }
  for (size_t i = 0; i < ways_.size(); ++i) {
    EXPECT_GE(ways_[i]->Take().run_time_ns - before_ns[i], 100 * kNanosPerMilli) << ways_[i]->name();
  }
  // On a machine that others keep busy the log may overrun; then it says so.
  EXPECT_TRUE(ours_ns >= 200 * kNanosPerMilli || ours->Dropped() > 0) << ours_ns;
}

TEST_F(SnapshotWaysTest, AThreadThatIsNotToldOfIsADrop) {
  for (const std::unique_ptr<SnapshotWay>& way :
       {BatchSnapshots(*two_hashes_, 16384), IteratorSnapshots(*sums_, 100'000),
        ProcSnapshots("stat", Files::kPread, {-1}), ProcSnapshots("schedstat", Files::kOpenReadClose, {-1})}) {
    (void)way->Take();
    EXPECT_EQ(way->Dropped(), 1u) << way->name();
  }
}

}  // namespace
}  // namespace vrapl
