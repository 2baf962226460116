#include "sampler/thread_facts.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "base/host_root.h"
#include "vm/qemu_process.h"
#include "vm/vm_cgroup.h"

namespace vrapl {
namespace {

TEST(ThreadFactsTest, OfThisProcess) {
  const ThreadFacts facts = ThreadFactsFromProc();
  const auto self = static_cast<uint32_t>(::getpid());
  EXPECT_EQ(facts.name(self, self), *ReadSmallFile("/proc/self/comm"));
  EXPECT_EQ(facts.process_start(::getpid()), *ReadStartTime("/proc", ::getpid()));
  EXPECT_EQ(facts.cgroup(::getpid()), ReadSmallFile("/proc/self/cgroup").value_or(""));
  EXPECT_EQ(MachineCgroup(facts.cgroup(::getpid())), "") << "a test is no VM";
  // We were started in the past, by the clock that the start is told in.
  const int64_t start_ns = static_cast<int64_t>(*facts.process_start(::getpid())) * 10'000'000;
  EXPECT_GT(facts.boottime_ns() + facts.boottime_offset_ns, start_ns);
}

TEST(ThreadFactsTest, OfNobody) {
  const ThreadFacts facts = ThreadFactsFromProc("/nonexistent");
  EXPECT_EQ(facts.name(1, 1), "");
  EXPECT_FALSE(facts.process_start(1).has_value());
  EXPECT_EQ(facts.cgroup(1), "");
  EXPECT_EQ(facts.boottime_offset_ns, 0);
}

// The kernel's own formatting, fs/proc: "%-10s %10lld %9ld".
TEST(ThreadFactsTest, ATimeNamespacesOffsetIsRead) {
  EXPECT_EQ(ParseBoottimeOffset("monotonic           0         0\nboottime            0         0\n"), 0);
  EXPECT_EQ(ParseBoottimeOffset("monotonic      172800         0\nboottime       604800       500\n"),
            604'800'000'000'500);
  EXPECT_EQ(ParseBoottimeOffset("monotonic           0         0\nboottime           -1 999999999\n"), -1);
  EXPECT_EQ(ParseBoottimeOffset(""), 0) << "no time namespaces";
  EXPECT_EQ(ParseBoottimeOffset("boottime x y\n"), 0);
}

}  // namespace
}  // namespace vrapl
