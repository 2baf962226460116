// The fork program against processes and threads that this test makes.
#include "bpf/fork_log.h"

#include <gmock/gmock.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <map>
#include <thread>
#include <vector>

#include "tests/requirements.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

class ForkLogTest : public testing::TestWithParam<RunTimeMethod> {
 protected:
  void SetUp() override { VRAPL_NEEDS("kernel"); }
};

TEST_P(ForkLogTest, TellsOfEachChildOnceAndBeforeItsOwn) {
  auto log = ForkLog::Attach(GetParam());
  ASSERT_THAT(log, IsOk());
  const auto self = static_cast<uint32_t>(::getpid());
  std::map<uint32_t, uint32_t> expected;  // child to parent
  for (int i = 0; i < 500; ++i) {
    int told[2];
    ASSERT_EQ(::pipe(told), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      const pid_t grandchild = ::fork();
      if (grandchild == 0) ::_exit(0);
      ::waitpid(grandchild, nullptr, 0);
      ::_exit(::write(told[1], &grandchild, sizeof grandchild) == sizeof grandchild ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    pid_t grandchild = 0;
    ASSERT_EQ(::read(told[0], &grandchild, sizeof grandchild), static_cast<ssize_t>(sizeof grandchild));
    ::close(told[0]);
    ::close(told[1]);
    expected[static_cast<uint32_t>(child)] = self;
    expected[static_cast<uint32_t>(grandchild)] = static_cast<uint32_t>(child);
  }
  uint32_t thread_tid = 0;
  std::thread([&] { thread_tid = static_cast<uint32_t>(::syscall(SYS_gettid)); }).join();

  std::map<uint32_t, uint64_t> start;  // as its own event says
  std::map<uint32_t, uint32_t> found;
  bool thread_found = false;
  (*log)->Drain([&](const fork_event& event) {
    if (event.child_tid == thread_tid && event.child_tgid == self) thread_found = event.parent_tgid == self;
    if (expected.count(event.child_tid) == 0) return;
    EXPECT_TRUE(found.emplace(event.child_tid, event.parent_tid).second);
    EXPECT_EQ(event.child_tgid, event.child_tid) << "a process";
    EXPECT_GE(event.child_start, event.parent_start);
    start[event.child_tid] = event.child_start;
    if (event.parent_tid == self) return;
    EXPECT_EQ(event.parent_start, start[event.parent_tid]) << "told before its child";
  });
  EXPECT_EQ(found, expected);
  EXPECT_TRUE(thread_found);
  EXPECT_EQ((*log)->Dropped(), 0u);
  int again = 0;
  (*log)->Drain([&](const fork_event& event) { again += static_cast<int>(expected.count(event.child_tid)); });
  EXPECT_EQ(again, 0);
}

INSTANTIATE_TEST_SUITE_P(Programs, ForkLogTest, testing::Values(RunTimeMethod::kBpf, RunTimeMethod::kRawTp),
                         [](const auto& method) { return method.param == RunTimeMethod::kBpf ? "tp_btf" : "raw_tp"; });

TEST(ForkLogFullTest, CountsWhatFoundNoRoom) {
  VRAPL_NEEDS("kernel");
  constexpr uint32_t kRingBytes = 4096;
  constexpr int kFit = kRingBytes / (sizeof(fork_event) + 8);  // each has a header of 8 bytes
  auto log = ForkLog::Attach(RunTimeMethod::kBpf, "", kRingBytes);
  ASSERT_THAT(log, IsOk());
  for (int i = 0; i < kFit + 100; ++i) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(0);
    ::waitpid(child, nullptr, 0);
  }
  EXPECT_GE((*log)->Dropped(), 100u);
  int told = 0;
  (*log)->Drain([&](const fork_event&) { ++told; });
  EXPECT_LE(told, kFit);
  EXPECT_GE(told, kFit - 2);
}

TEST(ForkLogMethodTest, SchedstatHasNone) {
  EXPECT_EQ(ForkLog::Attach(RunTimeMethod::kSchedstat).status().code(), absl::StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace vrapl
