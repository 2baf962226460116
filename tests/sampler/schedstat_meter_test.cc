#include "sampler/schedstat_meter.h"

#include <gmock/gmock.h>

#include <map>

#include "tests/schedstat/made_accounts.h"

namespace vrapl {
namespace {

constexpr int64_t kMs = kNanosPerMilli;

class SchedstatMeterTest : public testing::Test {
 protected:
  SchedstatMeterTest() {
    proc_.SetCpu({.cpu = 0, .idle_ticks = 10});
    proc_.AddThread(10, 10, 1, 1000);
    proc_.AddThread(20, 21, 1, 2000);
  }
  static int64_t RunOf(const RunTimeWindow& window, uint32_t tid) {
    for (const ThreadRun& run : window.threads()) {
      if (run.tid == tid) return run.run_ns;
    }
    return 0;
  }
  MadeAccounts proc_;
};

TEST_F(SchedstatMeterTest, FollowsTheProcessesOfTheVmsAndItsOwn) {
  SchedstatMeter meter({10}, /*every_cpu=*/true, proc_.root());
  EXPECT_EQ(meter.method(), RunTimeMethod::kSchedstat);
  EXPECT_EQ(meter.shortest_period_ns(), kSchedstatPeriodNs);
  const std::unique_ptr<RunTimeSource> source = meter.NewSource({{.cpu = 0, .core = 0}});
  source->Start(kMs);
  meter.FollowProcesses({20});
  meter.FindThreads();
  proc_.Run(10, 10, 2 * kMs);
  proc_.Run(20, 21, 3 * kMs);
  proc_.SetCpu({.cpu = 0, .idle_ticks = 12, .stolen_ticks = 1});
  RunTimeWindow window;
  source->Read(101 * kMs, window);
  EXPECT_EQ(RunOf(window, 10), 2 * kMs) << "whether or not there is any VM";
  EXPECT_EQ(RunOf(window, 21), 3 * kMs);
  EXPECT_EQ(window.time().idle_ns, 20 * kMs);
  EXPECT_EQ(window.time().stolen_ns, 10 * kMs);
  EXPECT_EQ(window.time().unreported_ns, 0);
  EXPECT_EQ(window.time().total_ns(), 100 * kMs);
  meter.FollowProcesses({});
  meter.FindThreads();
  proc_.Run(20, 21, 3 * kMs);
  proc_.Run(10, 10, kMs);
  window.Clear();
  source->Read(111 * kMs, window);
  EXPECT_EQ(RunOf(window, 21), 0) << "no VM any more";
  EXPECT_EQ(RunOf(window, 10), kMs);
}

TEST_F(SchedstatMeterTest, NewThreadsAreFoundByItself) {
  SchedstatMeter meter({10}, true, proc_.root());
  const std::unique_ptr<RunTimeSource> source = meter.NewSource({{.cpu = 0, .core = 0}});
  source->Start(kMs);
  meter.FollowProcesses({20});
  RunTimeWindow window;
  int64_t t_ns = kMs;
  for (int64_t found = 0; found == 0;) {  // ends when it has, or with the test's time limit
    proc_.Run(20, 21, kMs);
    window.Clear();
    source->Read(t_ns += 10 * kMs, window);
    found = RunOf(window, 21);
  }
}

TEST_F(SchedstatMeterTest, AKernelWithoutAccountsIsNamed) {
  EXPECT_TRUE(absl::IsUnimplemented(CheckSchedstat(proc_.root())));
  EXPECT_THAT(std::string(CheckSchedstat(proc_.root()).message()), testing::HasSubstr("CONFIG_SCHED_INFO"));
  WriteFile(proc_.root() + "/self/schedstat", "1 2 3\n");
  EXPECT_TRUE(CheckSchedstat(proc_.root()).ok());
}

}  // namespace
}  // namespace vrapl
