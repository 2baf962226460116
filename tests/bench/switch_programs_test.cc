// The programs that are compared count the switches that happen, and those that keep time keep the right time: a
// comparison with something broken would be worth nothing.
#include "bench/switch_programs.h"

#include <bpf/bpf.h>
#include <gmock/gmock.h>
#include <linux/bpf.h>
#include <time.h>
#include <unistd.h>

#include <set>

#include "base/clock.h"
#include "base/posix.h"
#include "bench/load.h"
#include "bench/programs/task_sum.h"
#include "tests/requirements.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

std::vector<SwitchProgramOr> LoadEach() {
  std::vector<SwitchProgramOr> programs;
  programs.push_back(LoadSwitchLog(/*read=*/false));
  programs.push_back(LoadSwitchLog(/*read=*/true));
  programs.push_back(LoadEmpty());
  programs.push_back(LoadSumCopy());
  programs.push_back(LoadClockRead());
  programs.push_back(LoadTaskStorage());
  programs.push_back(LoadTwoHashes());
  programs.push_back(LoadKeplerShape());
  programs.push_back(LoadRingBuffer(Consumer::kEveryMillisecond));
  programs.push_back(LoadRingBuffer(Consumer::kWoken));
  return programs;
}

TEST(SwitchProgramsTest, EachRunsAtEverySwitchOfItsTurnAndAtNoOther) {
  VRAPL_NEEDS("kernel");
  const UniqueFd statistics(bpf_enable_stats(BPF_STATS_RUN_TIME));
  ASSERT_TRUE(statistics.ok());
  PinTo(OnlineCpus().back());
  constexpr int kHops = 2000;
  Ring ring(2);
  std::set<std::string> names;
  for (SwitchProgramOr& loaded : LoadEach()) {
    ASSERT_THAT(loaded, IsOk());
    SwitchProgram& program = **loaded;
    EXPECT_TRUE(names.insert(program.name()).second) << program.name();
    for (int turn = 0; turn < 2; ++turn) {
      const Count before = program.Cost();
      ring.Pass(kHops, 2);
      EXPECT_EQ(program.Cost().times, before.times) << program.name();
      ASSERT_THAT(program.Attach(), IsOk());
      ring.Pass(kHops, 2);
      program.Detach();
      const Count after = program.Cost();
      EXPECT_GE(after.times - before.times, kHops) << program.name();
      EXPECT_GT(after.ns, before.ns) << program.name();
    }
    EXPECT_EQ(program.Dropped(), 0u) << program.name();
  }
}

// CPU time of a thread that makes some, by its own clock; it has slept in between, so all of it is in slices that
// ended.
int64_t Burn() {
  const int64_t until_ns = MonotonicNs() + 5 * kNanosPerMilli;
  while (MonotonicNs() < until_ns) {
  }
  timespec used;
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  const timespec blink = {.tv_sec = 0, .tv_nsec = 1'000'000};
  ::nanosleep(&blink, nullptr);
  return used.tv_sec * kNanosPerSecond + used.tv_nsec;
}

TEST(SwitchProgramsTest, TheTotalsOfTheTwoHashesAreTheThreadsRunTime) {
  VRAPL_NEEDS("kernel");
  SwitchProgramOr program = LoadTwoHashes();
  ASSERT_THAT(program, IsOk());
  ASSERT_THAT((*program)->Attach(), IsOk());
  pid_t tid = 0;
  int64_t burnt_ns = 0;
  std::thread([&] {
    tid = ::gettid();
    burnt_ns = Burn();
  }).join();
  (*program)->Detach();
  uint64_t total = 0;
  ASSERT_EQ(bpf_map_lookup_elem(MapOf(**program, "totals"), &tid, &total), 0);
  // Stolen time is in what the program counts, as it keeps a clock of its own: no more than what passed on the wall.
  EXPECT_GE(static_cast<int64_t>(total), burnt_ns * 9 / 10);
}

TEST(TaskSumsTest, TellsOfEveryThreadOfThisProcessAndOfNoOther) {
  VRAPL_NEEDS("kernel");
  Ring ring(20);
  absl::StatusOr<std::unique_ptr<TaskSums>> sums = TaskSums::Load();
  ASSERT_THAT(sums, IsOk());
  const UniqueFd list(bpf_iter_create((*sums)->link_fd()));
  ASSERT_TRUE(list.ok());
  std::set<pid_t> told;
  task_sum sum;
  while (::read(list.get(), &sum, sizeof sum) == sizeof sum) {
    EXPECT_EQ(sum.tgid, static_cast<uint32_t>(::getpid()));
    EXPECT_TRUE(told.insert(static_cast<pid_t>(sum.tid)).second);
    EXPECT_GT(sum.run_time, 0u);
  }
  EXPECT_THAT(told, testing::IsSupersetOf(ring.tids()));
}

}  // namespace
}  // namespace vrapl
