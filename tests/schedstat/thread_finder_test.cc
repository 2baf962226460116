#include "schedstat/thread_finder.h"

#include <gmock/gmock.h>

#include <set>
#include <thread>

#include "tests/schedstat/made_accounts.h"

namespace vrapl {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr int64_t kSecond = 1'000'000'000;
constexpr uint64_t kTicksPerSecond = 100;

class ThreadFinderTest : public testing::Test {
 protected:
  ThreadFinderTest() : finder_({.proc = proc_.root(), .with_cpu = true}), reader_(finder_.NewReader()) {
    finder_.SetProcesses({10});
  }
  std::set<uint32_t> Tids() {
    std::set<uint32_t> tids;
    for (const auto& thread : reader_.Threads()) tids.insert(thread->tid);
    return tids;
  }
  uint64_t Counted(uint32_t tid) {
    for (const auto& thread : reader_.Threads()) {
      if (thread->tid == tid) return thread->counted_ns;
    }
    ADD_FAILURE() << "no thread " << tid;
    return 0;
  }

  MadeAccounts proc_;
  ThreadFinder finder_;
  ThreadReader& reader_;
};

TEST_F(ThreadFinderTest, ThreadsOfTheGivenProcessesComeAndGo) {
  EXPECT_THAT(Tids(), IsEmpty());
  proc_.AddThread(10, 10, 1);
  proc_.AddThread(10, 11, 1);
  proc_.AddThread(20, 20, 1);
  finder_.Find(100 * kSecond);
  EXPECT_THAT(Tids(), UnorderedElementsAre(10, 11));
  proc_.AddThread(10, 12, 1);
  proc_.End(10, 11);
  finder_.SetProcesses({10, 20, 10, 99});
  finder_.Find(101 * kSecond);
  EXPECT_THAT(Tids(), UnorderedElementsAre(10, 12, 20)) << "named twice is one, and one that is gone is none";
  finder_.SetProcesses({20});
  finder_.Find(102 * kSecond);
  EXPECT_THAT(Tids(), UnorderedElementsAre(20));
  EXPECT_EQ(finder_.not_opened(), 0u);
}

TEST_F(ThreadFinderTest, AThreadCountsFromItsBirthWhenThatWasSinceTheLastLook) {
  proc_.AddThread(10, 10, 1, /*run_ns=*/5000);
  finder_.Find(100 * kSecond);
  EXPECT_EQ(Counted(10), 5000u) << "what it ran before we came is not ours";
  proc_.AddThread(10, 11, 100 * kTicksPerSecond + 5, /*run_ns=*/700);
  proc_.AddThread(10, 12, 99 * kTicksPerSecond, /*run_ns=*/900);
  finder_.Find(101 * kSecond);
  EXPECT_EQ(Counted(11), 0u) << "born since: from its first nanosecond";
  EXPECT_EQ(Counted(12), 900u) << "an old one that was not ours: from now";
  EXPECT_EQ(reader_.Threads()[1]->start_ns, 100'050'000'000u);
}

// The directory may leave out a thread that is there; taken for a new one later, all it ever ran would count anew.
TEST_F(ThreadFinderTest, AThreadThatTheListLeavesOutOnceIsNotForgotten) {
  proc_.AddThread(10, 10, 1, 5000);
  proc_.AddThread(10, 11, 1, 6000);
  finder_.Find(100 * kSecond);
  const auto kept = reader_.Threads()[1];
  proc_.Hide(10, 11);
  finder_.Find(101 * kSecond);
  EXPECT_THAT(Tids(), UnorderedElementsAre(10, 11));
  proc_.Show(10, 11);
  finder_.Find(102 * kSecond);
  EXPECT_EQ(reader_.Threads()[1], kept);
}

TEST_F(ThreadFinderTest, ANumberThatIsUsedAgainIsANewThread) {
  proc_.AddThread(10, 11, 1, 6000);
  finder_.Find(100 * kSecond);
  const auto old = reader_.Threads()[0];
  proc_.End(10, 11);
  proc_.AddThread(10, 11, 100 * kTicksPerSecond + 50, 40);
  uint64_t run_ns = 0;
  EXPECT_FALSE(ReadRunNs(*old, run_ns)) << "as a reader finds out";
  finder_.Find(101 * kSecond);
  ASSERT_THAT(Tids(), UnorderedElementsAre(11));
  EXPECT_NE(reader_.Threads()[0], old);
  EXPECT_EQ(Counted(11), 0u);
}

TEST_F(ThreadFinderTest, TheCpuIsReadAgainAndAgain) {
  proc_.AddThread(10, 10, 1, 0, /*cpu=*/3);
  finder_.Find(100 * kSecond);
  const KnownThread& thread = *reader_.Threads()[0];
  EXPECT_EQ(ReadCpu(thread), 3);
  proc_.Move(10, 10, 7);
  EXPECT_EQ(ReadCpu(thread), 7);
}

// A list stays as it is while it is read, whatever comes meanwhile.
TEST_F(ThreadFinderTest, AListThatIsInUseStays) {
  proc_.AddThread(10, 10, 1, 123);
  finder_.Find(100 * kSecond);
  const ThreadList& list = reader_.Threads();
  for (int i = 0; i < 5; ++i) {
    proc_.AddThread(10, 100 + i, 1);
    finder_.Find((101 + i) * kSecond);
  }
  ASSERT_EQ(list.size(), 1u);
  EXPECT_EQ(list[0]->counted_ns, 123u);
  EXPECT_EQ(reader_.Threads().size(), 6u);
}

TEST_F(ThreadFinderTest, ReadersAndFinderAtOnce) {
  proc_.AddThread(10, 10, 1);
  finder_.Find(100 * kSecond);
  ThreadReader& other = finder_.NewReader();
  std::atomic<bool> stop = false;
  uint64_t seen[2] = {};
  const auto read = [&stop](ThreadReader& reader, uint64_t& sum) {
    while (!stop) {
      for (const auto& thread : reader.Threads()) sum += thread->tid;
    }
  };
  std::thread first([&] { read(reader_, seen[0]); });
  std::thread second([&] { read(other, seen[1]); });
  for (int i = 0; i < 200; ++i) {
    if (i % 2 == 0) {
      proc_.AddThread(10, 11, 1);
    } else {
      proc_.End(10, 11);
    }
    finder_.Find((101 + i) * kSecond);
  }
  stop = true;
  first.join();
  second.join();
  EXPECT_GT(seen[0], 0u);
  EXPECT_GT(seen[1], 0u);
}

}  // namespace
}  // namespace vrapl
