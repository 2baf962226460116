// The loads do what the benchmarks say of them.
#include "bench/load.h"

#include <gmock/gmock.h>
#include <sched.h>

#include <atomic>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace vrapl {
namespace {

// Times that the thread has left a CPU so far, by the kernel's count.
int64_t Switches(pid_t tid) {
  std::ifstream status(absl::StrCat("/proc/self/task/", tid, "/status"));
  int64_t switches = 0;
  for (std::string word; status >> word;) {
    int64_t count = 0;
    if (absl::EndsWith(word, "voluntary_ctxt_switches:") && status >> count) switches += count;
  }
  return switches;
}

std::vector<int64_t> SwitchesOf(Ring& ring, int hops, int over) {
  std::vector<int64_t> switches;
  for (const pid_t tid : ring.tids()) switches.push_back(-Switches(tid));
  ring.Pass(hops, over);
  for (size_t i = 0; i < switches.size(); ++i) switches[i] += Switches(ring.tids()[i]);
  return switches;
}

// On one CPU, where a hop is a switch.
class RingTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(::sched_getaffinity(0, sizeof allowed_, &allowed_), 0);
    int cpu = 0;
    while (!CPU_ISSET(static_cast<size_t>(cpu), &allowed_)) ++cpu;
    PinTo(cpu);
  }
  void TearDown() override { ::sched_setaffinity(0, sizeof allowed_, &allowed_); }

 private:
  cpu_set_t allowed_;
};

TEST_F(RingTest, SwitchesAndThreadsAreChosenApart) {
  Ring ring(5);
  EXPECT_EQ(std::set<pid_t>(ring.tids().begin(), ring.tids().end()).size(), 5u);
  ring.Pass(10, 5);
  for (const int over : {2, 3, 5}) {
    for (const int hops : {300, 3000}) {
      // Each hop but the last makes one of those that take part leave the CPU to the next. The others sleep, but for
      // one that may still have been on its way to it.
      const std::vector<int64_t> switches = SwitchesOf(ring, hops, over);
      int64_t all = 0;
      for (int i = 0; i < 5; ++i) {
        EXPECT_EQ(switches[static_cast<size_t>(i)] >= hops / over - 1, i < over)
            << hops << " hops over " << over << ", thread " << i;
        all += switches[static_cast<size_t>(i)];
      }
      EXPECT_GE(all, hops - 1);
    }
  }
  EXPECT_THAT(SwitchesOf(ring, 0, 5), testing::Each(testing::Lt(10)));
}

TEST_F(RingTest, TheTokenMakesNoHopTooFew) {
  Ring ring(2);
  const auto second_thread = [&](int hops) {
    const int64_t before = Switches(ring.tids()[1]);
    for (int i = 0; i < 100; ++i) ring.Pass(hops, 2);
    return Switches(ring.tids()[1]) - before;
  };
  EXPECT_LT(second_thread(1), 10);
  EXPECT_GE(second_thread(2), 99);
}

TEST_F(RingTest, EndsWithTokensStillToCome) {
  Ring ring(100);
  ring.Pass(100, 100);
}

TEST(WorkerTest, WorksUntilItIsGone) {
  std::atomic<int> times = 0;
  {
    const Worker worker(OnlineCpus().front(), [&] { ++times; });
    while (times < 3) ::sched_yield();
  }
  const int then = times;
  ::sched_yield();
  EXPECT_EQ(times, then);
}

}  // namespace
}  // namespace vrapl
