// The group on events that this kernel counts for real: the same code with another type and config.
#include "perf/perf_group.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>

#include <cerrno>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "base/host_root.h"
#include "perf/power_pmu.h"
#include "tests/perf/real_events.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

using testing::Each;

// read() calls of this thread so far, by the kernel's count. Counting costs some itself, the same each time.
int64_t ReadCalls() {
  const absl::StatusOr<std::string> io = ReadSmallFile("/proc/thread-self/io");
  if (!io.ok()) return -1;
  for (absl::string_view line : absl::StrSplit(*io, '\n')) {
    int64_t calls = 0;
    if (absl::ConsumePrefix(&line, "syscr: ") && absl::SimpleAtoi(line, &calls)) return calls;
  }
  return -1;
}

size_t OpenDescriptors() { return ListDirectory("/proc/self/fd")->size(); }

// The kernel, with every descriptor remembered.
class RememberingKernel final : public PerfEvents {
 public:
  int Open(const perf_event_attr& attr, int cpu, int group) override {
    const int fd = cpu == refused_cpu ? -ENODEV : KernelPerfEvents().Open(attr, cpu, group);
    fds.push_back(fd);
    return fd;
  }
  int Start(int leader) override { return KernelPerfEvents().Start(leader); }

  std::vector<int> fds;
  int refused_cpu = -1;
};

class PerfGroupTest : public testing::Test {
 protected:
  void SetUp() override {
    VRAPL_NEEDS_PERF_EVENTS();
    cpus_ = AllowedCpus();
    RunOn(cpus_.front());
  }
  void TearDown() override {
    cpu_set_t set;
    CPU_ZERO(&set);
    for (const int cpu : cpus_) CPU_SET(static_cast<size_t>(cpu), &set);
    if (!cpus_.empty()) ::sched_setaffinity(0, sizeof set, &set);
  }
  PerfGroup Group(const std::vector<PerfEvent>& events) {
    PerfGroup group(kernel_, cpus_.front());
    for (const PerfEvent& event : events) EXPECT_EQ(group.Add(event), 0);
    EXPECT_EQ(group.Start(), 0);
    return group;
  }
  int Read(PerfGroup& group) { return group.Read(MonotonicNs(), absl::MakeSpan(values_)); }

  std::vector<int> cpus_;
  RememberingKernel kernel_;
  std::array<uint64_t, PerfGroup::kMaxEvents> values_{};
};

TEST_F(PerfGroupTest, ValuesComeInTheOrderOfOpening) {
  PerfGroup group = Group({kCpuClock, kPageFaults, kNothing, kTaskClock});
  ASSERT_EQ(group.size(), 4u);
  const int64_t before_ns = MonotonicNs();
  ASSERT_EQ(Read(group), 0);
  const int64_t between_ns = MonotonicNs();
  const auto first = values_;
  Fault(200);
  const int64_t worked_ns = MonotonicNs();
  ASSERT_EQ(Read(group), 0);
  const int64_t after_ns = MonotonicNs();

  // The clock of the CPU went on for as long as ours, give or take their rates and a read's time.
  const auto clock_ns = static_cast<double>(values_[0] - first[0]);
  EXPECT_GE(clock_ns, 0.98 * static_cast<double>(worked_ns - between_ns) - 1e5);
  EXPECT_LE(clock_ns, 1.02 * static_cast<double>(after_ns - before_ns) + 1e5);
  EXPECT_GE(values_[1] - first[1], 200u) << "page faults, ours at least";
  EXPECT_LT(values_[1] - first[1], 10'000'000u);
  EXPECT_EQ(values_[2], 0u);
  EXPECT_GT(values_[3], first[3]);
}

TEST_F(PerfGroupTest, OneReadGivesAllMembers) {
  PerfGroup group = Group({kCpuClock, kTaskClock, kPageFaults, kNothing, kPageFaults});
  const int64_t start = ReadCalls();
  if (start < 0) GTEST_SKIP() << "the kernel does not count the calls of a thread (/proc/thread-self/io)";
  const int64_t own = ReadCalls() - start;
  constexpr int kTimes = 100;
  const int64_t before = ReadCalls();
  for (int i = 0; i < kTimes; ++i) ASSERT_EQ(Read(group), 0);
  EXPECT_EQ(ReadCalls() - before - own, kTimes);
}

TEST_F(PerfGroupTest, ClosesWhatItOpened) {
  const size_t before = OpenDescriptors();
  {
    PerfGroup group = Group({kCpuClock, kTaskClock, kPageFaults});
    EXPECT_EQ(OpenDescriptors(), before + 3);
    PerfGroup moved = std::move(group);
    ASSERT_EQ(Read(moved), 0);
    ASSERT_EQ(moved.Reopen(cpus_.back()), 0);
    ASSERT_EQ(Read(moved), 0);
    EXPECT_EQ(OpenDescriptors(), before + 3);
  }
  EXPECT_EQ(OpenDescriptors(), before);
}

TEST_F(PerfGroupTest, AMemberThatCannotBeOpenedIsNoMember) {
  PerfGroup group(kernel_, cpus_.front());
  EXPECT_EQ(group.Start(), EBADF);
  EXPECT_EQ(group.Add(kCpuClock), 0);
  EXPECT_EQ(group.Add({.type = PERF_TYPE_SOFTWARE, .config = 0xFFFF}), ENOENT);
  EXPECT_EQ(group.Add({.type = 0x7FFFFFFF, .config = 0}), ENOENT) << "no such PMU";
  EXPECT_EQ(group.size(), 1u);
  EXPECT_EQ(group.Add(kPageFaults), 0);
  EXPECT_EQ(group.Start(), 0);
  Fault(10);
  EXPECT_EQ(Read(group), 0);
  EXPECT_GE(values_[1], 10u);
  PerfGroup full = Group(std::vector<PerfEvent>(PerfGroup::kMaxEvents, kCpuClock));
  EXPECT_EQ(full.Add(kCpuClock), E2BIG);
  EXPECT_EQ(Read(full), 0);
  EXPECT_THAT(values_, Each(testing::Gt(0u)));
}

TEST_F(PerfGroupTest, ReopenedOnAnotherCpuItCountsFromZero) {
  PerfGroup group = Group({kPageFaults, kCpuClock});
  Fault(500);
  ASSERT_EQ(Read(group), 0);
  ASSERT_GE(values_[0], 500u);
  const uint64_t clock = values_[1];
  const int64_t before_ns = MonotonicNs();
  ASSERT_EQ(group.Reopen(cpus_.back()), 0);
  EXPECT_EQ(group.cpu(), cpus_.back());
  ASSERT_EQ(Read(group), 0);
  EXPECT_LE(static_cast<double>(values_[1]), 1.02 * static_cast<double>(MonotonicNs() - before_ns) + 1e5);
  EXPECT_GT(clock, 0u);
}

TEST_F(PerfGroupTest, AReopeningThatFailsChangesNothing) {
  PerfGroup group = Group({kCpuClock, kPageFaults});
  ASSERT_EQ(Read(group), 0);
  const uint64_t clock = values_[0];
  kernel_.refused_cpu = 4711;
  EXPECT_EQ(group.Reopen(4711), ENODEV);
  EXPECT_EQ(group.cpu(), cpus_.front());
  ASSERT_EQ(Read(group), 0);
  EXPECT_GT(values_[0], clock);
}

// The kernel's end of file: a pinned group in its error state reads as 0 bytes, as this does.
TEST_F(PerfGroupTest, AGroupThatEndedIsAnErrorAndNoZero) {
  PerfGroup group = Group({kCpuClock, kPageFaults});
  ASSERT_EQ(Read(group), 0);
  const auto values = values_;
  const UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  ASSERT_EQ(::dup2(null.get(), kernel_.fds[0]), kernel_.fds[0]);
  EXPECT_EQ(Read(group), ENODEV);
  EXPECT_EQ(values_, values);
}

// What is left when the kernel takes a group apart: the leader alone, whose read gives one member.
TEST_F(PerfGroupTest, ALeaderWithoutItsMembersIsAnError) {
  PerfGroup group = Group({kCpuClock, kPageFaults});
  const UniqueFd alone(kernel_.Open(GroupAttr(kCpuClock, /*leader=*/true), cpus_.front(), -1));
  ASSERT_TRUE(alone.ok());
  ASSERT_EQ(::dup2(alone.get(), kernel_.fds[0]), kernel_.fds[0]);
  EXPECT_EQ(Read(group), ENODEV);
}

// An event that is on no CPU any more still gives its last count, for ever: the kernel's running time tells.
TEST_F(PerfGroupTest, AGroupThatNoLongerRunsIsAnError) {
  PerfGroup group = Group({kCpuClock, kPageFaults});
  const int64_t now_ns = MonotonicNs();
  ASSERT_EQ(group.Read(now_ns, absl::MakeSpan(values_)), 0);
  ASSERT_EQ(group.Read(now_ns + kNanosPerSecond, absl::MakeSpan(values_)), 0) << "running, however late we come";
  ASSERT_EQ(::ioctl(kernel_.fds[0], PERF_EVENT_IOC_DISABLE, PERF_IOC_FLAG_GROUP), 0);
  int64_t later_ns = now_ns + 2 * kNanosPerSecond;
  ASSERT_EQ(group.Read(later_ns, absl::MakeSpan(values_)), 0);
  EXPECT_EQ(group.Read(later_ns + PerfGroup::kStandstillNs, absl::MakeSpan(values_)), 0) << "a coarse clock may do so";
  EXPECT_EQ(group.Read(later_ns + PerfGroup::kStandstillNs + 1, absl::MakeSpan(values_)), ENODEV);
  ASSERT_EQ(::ioctl(kernel_.fds[0], PERF_EVENT_IOC_ENABLE, PERF_IOC_FLAG_GROUP), 0);
  EXPECT_EQ(group.Read(later_ns + 2 * kNanosPerSecond, absl::MakeSpan(values_)), 0);
}

// A PMU of hardware, found by its files: the time stamp counter, where the kernel has the `msr` PMU.
TEST_F(PerfGroupTest, CountsAPmuFoundInSysfs) {
  const std::string directory = "/sys/bus/event_source/devices/msr";
  const absl::StatusOr<int64_t> type = ReadNumberFile(directory + "/type");
  const absl::StatusOr<std::string> terms = ReadSmallFile(directory + "/events/tsc");
  if (!type.ok() || !terms.ok()) GTEST_SKIP() << "no msr PMU with an event tsc here";
  const absl::StatusOr<uint64_t> config = ParseEventTerms(*terms, directory + "/format");
  ASSERT_THAT(config, IsOk());
  PerfGroup group = Group({{.type = static_cast<uint32_t>(*type), .config = *config}, kCpuClock});
  ASSERT_EQ(Read(group), 0);
  const auto first = values_;
  Fault(1000);
  ASSERT_EQ(Read(group), 0);
  const double cycles_per_ns = static_cast<double>(values_[0] - first[0]) / static_cast<double>(values_[1] - first[1]);
  EXPECT_GT(cycles_per_ns, 0.2);
  EXPECT_LT(cycles_per_ns, 20);
}

}  // namespace
}  // namespace vrapl
