// The real scheduler, the real program: run time against the kernel's own accounts.
#include "bpf/switch_log.h"

#include <gmock/gmock.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <numeric>
#include <string>
#include <thread>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/clock.h"
#include "base/host_root.h"
#include "base/topology.h"
#include "bpf/run_time_reader.h"
#include "tests/requirements.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

std::vector<int> OnlineCpus() { return *ParseCpuList(*ReadSmallFile("/sys/devices/system/cpu/online")); }

// The kernel's own account of a thread: first field of schedstat, ns of CPU time (without stolen time).
int64_t SchedstatNs(int tid) {
  const absl::StatusOr<std::string> text = ReadSmallFile(absl::StrCat("/proc/self/task/", tid, "/schedstat"));
  int64_t ns = -1;
  if (!text.ok()) return ns;
  EXPECT_TRUE(absl::SimpleAtoi(std::vector<std::string>(absl::StrSplit(*text, ' '))[0], &ns));
  return ns;
}

struct Spun {
  int tid;
  int64_t own_ns;  // by its own clock, read as the last thing
};

// A thread that is born, runs for this long and is gone.
Spun SpinInAThread(int64_t ns) {
  Spun spun{};
  std::thread([&] {
    spun.tid = static_cast<int>(::syscall(SYS_gettid));
    const int64_t end_ns = MonotonicNs() + ns;
    while (MonotonicNs() < end_ns) {
    }
    timespec cpu_time;
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu_time);
    spun.own_ns = cpu_time.tv_sec * kNanosPerSecond + cpu_time.tv_nsec;
  }).join();
  return spun;
}

class SwitchLogTest : public testing::Test {
 protected:
  void SetUp() override {
    VRAPL_NEEDS("kernel");
    absl::StatusOr<std::unique_ptr<SwitchLog>> log = SwitchLog::Attach();
    ASSERT_THAT(log, IsOk());
    log_ = *std::move(log);
    log_->Prime(OnlineCpus());
  }
  std::unique_ptr<SwitchLog> log_;
};

TEST_F(SwitchLogTest, EveryNanosecondOfEveryCpuHasARow) {
  const std::vector<int> cpus = OnlineCpus();
  std::atomic<bool> stop = false;
  std::thread sleeper([&] {
    while (!stop) std::this_thread::yield();
  });
  const int64_t start = MonotonicNs();
  RunTimeReader reader(*log_, cpus, start);
  RunTimeWindow window;
  int64_t t = start;
  for (int i = 0; i < 1000; ++i) {
    const int64_t last = t;
    RealClock().SleepUntil(t + kNanosPerMilli / 2);
    t = MonotonicNs();
    window.Clear();
    reader.Read(t, window);
    ASSERT_EQ(window.time().total_ns(), static_cast<int64_t>(cpus.size()) * (t - last));
    int64_t threads = 0;
    for (const ThreadRun& thread : window.threads()) threads += thread.run_ns;
    ASSERT_EQ(threads, window.time().run_ns);
  }
  stop = true;
  sleeper.join();
  EXPECT_EQ(reader.lost_records(), 0u);
  EXPECT_EQ(log_->RecursionMisses(), 0u);
  const CpuTime total = reader.total();
  std::printf("idle %.3f s, run %.3f s, stolen %.6f s, unreported %.6f s, %llu gaps\n", 1e-9 * total.idle_ns,
              1e-9 * total.run_ns, 1e-9 * total.stolen_ns, 1e-9 * total.unreported_ns,
              static_cast<unsigned long long>(reader.gaps()));
}

// A thread that already is on the only CPU asked for does not move there: it must be known all the same. On a quiet
// machine nothing else would switch for as long as it runs.
TEST_F(SwitchLogTest, AThreadThatIsAloneOnItsCpuIsKnownOnceTheLogIsPrimed) {
  cpu_set_t before;
  ASSERT_EQ(::sched_getaffinity(0, sizeof before, &before), 0);
  const int cpu = OnlineCpus().front();
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(static_cast<size_t>(cpu), &one);
  ASSERT_EQ(::sched_setaffinity(0, sizeof one, &one), 0);
  for (int i = 0; i < 10; ++i) {
    absl::StatusOr<std::unique_ptr<SwitchLog>> log = SwitchLog::Attach();
    ASSERT_THAT(log, IsOk());
    const int64_t start_ns = MonotonicNs();
    (*log)->Prime({cpu});
    EXPECT_GT((*log)->Head(cpu), 0u) << "nobody knows who runs";
    EXPECT_LT(MonotonicNs() - start_ns, kNanosPerSecond);
  }
  ::sched_setaffinity(0, sizeof before, &before);
}

// A thread that is busy, one that sleeps and wakes, one that migrates: each within 1 % of the kernel's account.
TEST_F(SwitchLogTest, AgreesWithTheKernelsAccountOfEachThread) {
  std::atomic<bool> stop = false;
  std::atomic<int> tids[3] = {0, 0, 0};
  const std::vector<int> cpus = OnlineCpus();
  const auto spin_for = [](int64_t ns) {
    const int64_t end = MonotonicNs() + ns;
    while (MonotonicNs() < end) {
    }
  };
  std::thread threads[3] = {std::thread([&] {
                              tids[0] = static_cast<int>(::syscall(SYS_gettid));
                              while (!stop) spin_for(1000);
                            }),
                            std::thread([&] {
                              tids[1] = static_cast<int>(::syscall(SYS_gettid));
                              while (!stop) {
                                spin_for(30'000);
                                RealClock().SleepUntil(MonotonicNs() + 100'000);
                              }
                            }),
                            std::thread([&] {
                              tids[2] = static_cast<int>(::syscall(SYS_gettid));
                              for (size_t i = 0; !stop; ++i) {
                                cpu_set_t one;
                                CPU_ZERO(&one);
                                CPU_SET(static_cast<size_t>(cpus[i % cpus.size()]), &one);
                                ::sched_setaffinity(0, sizeof one, &one);
                                spin_for(200'000);
                                RealClock().SleepUntil(MonotonicNs() + 200'000);
                              }
                            })};
  while (tids[0] == 0 || tids[1] == 0 || tids[2] == 0) std::this_thread::yield();

  RunTimeReader reader(*log_, cpus, MonotonicNs());
  RunTimeWindow window;
  int64_t kernel[3];
  const auto read_kernel = [&](int sign) {
    for (int i = 0; i < 3; ++i) kernel[i] += sign * SchedstatNs(tids[i]);
  };
  reader.Read(MonotonicNs(), window);
  window.Clear();
  std::fill(kernel, kernel + 3, 0);
  read_kernel(-1);
  int64_t measured[3] = {};
  for (int64_t deadline = MonotonicNs(), i = 0; i < 3000; ++i) {
    RealClock().SleepUntil(deadline += kNanosPerMilli);
    reader.Read(MonotonicNs(), window);
    for (const ThreadRun& thread : window.threads()) {
      for (int k = 0; k < 3; ++k) measured[k] += static_cast<int>(thread.tid) == tids[k] ? thread.run_ns : 0;
    }
    window.Clear();
  }
  read_kernel(+1);
  stop = true;
  for (std::thread& thread : threads) thread.join();
  const CpuTime total = reader.total();
  for (int k = 0; k < 3; ++k) {
    std::printf("thread %d: kernel %.6f s, log %.6f s, difference %+.3f %%\n", k, 1e-9 * kernel[k], 1e-9 * measured[k],
                100.0 * (measured[k] - kernel[k]) / kernel[k]);
    // schedstat is up to date to the last tick (4 ms at 250 Hz) for a thread that is running, at both ends; and what
    // the kernel did not report cannot have been counted.
    const double tolerance = 0.01 * kernel[k] + 8e6 + total.unreported_ns;
    EXPECT_NEAR(static_cast<double>(measured[k]), static_cast<double>(kernel[k]), tolerance);
  }
  std::printf("stolen %.6f s, unreported %.6f s\n", 1e-9 * total.stolen_ns, 1e-9 * total.unreported_ns);
}

// More switches than a log holds, and nobody reading: what is lost is counted and unreported, and time still closes.
TEST_F(SwitchLogTest, ALappedLogLosesRecordsButNoTime) {
  const std::vector<int> cpus = OnlineCpus();
  const int64_t start = MonotonicNs();
  RunTimeReader reader(*log_, cpus, start);
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(static_cast<size_t>(cpus.front()), &one);
  std::atomic<bool> stop = false;
  const auto yield = [&] {
    ::sched_setaffinity(0, sizeof one, &one);
    while (!stop) ::sched_yield();
  };
  const uint64_t before = log_->Head(cpus.front());
  std::thread a(yield);
  std::thread b(yield);
  while (log_->Head(cpus.front()) - before < 2 * VRAPL_LOG_RECORDS) RealClock().SleepUntil(MonotonicNs() + 1000);
  stop = true;
  a.join();
  b.join();
  RunTimeWindow window;
  const int64_t t = MonotonicNs();
  reader.Read(t, window);
  EXPECT_GE(reader.lost_records(), static_cast<uint64_t>(VRAPL_LOG_RECORDS));
  EXPECT_GT(window.time().unreported_ns, 0);
  EXPECT_EQ(window.time().total_ns(), static_cast<int64_t>(cpus.size()) * (t - start));
  std::printf("%llu records lost, %.3f ms unreported\n", static_cast<unsigned long long>(reader.lost_records()),
              1e-6 * static_cast<double>(window.time().unreported_ns));
}

// CPUs come and go between two looks: each counts from when it was taken in to when it was let go, to the nanosecond.
TEST_F(SwitchLogTest, CpusThatComeAndGoCountWhileTheyAreCovered) {
  const std::vector<int> cpus = OnlineCpus();
  if (cpus.size() < 2) GTEST_SKIP() << "one CPU can neither come nor go";
  const std::vector<int> first = {cpus[0]};
  const std::vector<int> second = {cpus[1]};
  const int64_t start = MonotonicNs();
  RunTimeReader reader(*log_, first, start);
  RunTimeWindow window;
  int64_t t = start;
  int64_t covered_ns = 0;
  const std::vector<std::vector<int>> steps = {{cpus[0], cpus[1]}, second, {}, first, {cpus[1], cpus[0]}, second};
  int64_t count = 1;
  for (const std::vector<int>& step : steps) {
    for (int i = 0; i < 10; ++i) {
      RealClock().SleepUntil(t + kNanosPerMilli);
      const int64_t last = std::exchange(t, MonotonicNs());
      window.Clear();
      reader.Read(t, window);
      ASSERT_EQ(window.time().total_ns(), count * (t - last));
      covered_ns += count * (t - last);
    }
    reader.CoverCpus(OnCores({}, step));
    count = static_cast<int64_t>(step.size());
    ASSERT_EQ(reader.cpu_count(), count);
  }
  EXPECT_EQ(reader.total().total_ns(), covered_ns) << "those that went are not forgotten";
}

TEST_F(SwitchLogTest, AThreadCountsFromItsFirstNanosecond) {
  const std::vector<int> cpus = OnlineCpus();
  RunTimeReader reader(*log_, cpus, MonotonicNs());
  RunTimeWindow window;
  const auto [tid, own_ns] = SpinInAThread(20 * kNanosPerMilli);
  // Born and gone between two looks.
  reader.Read(MonotonicNs(), window);
  int64_t measured = 0;
  for (const ThreadRun& thread : window.threads()) measured += static_cast<int>(thread.tid) == tid ? thread.run_ns : 0;
  EXPECT_GE(measured + window.time().unreported_ns, own_ns);
  EXPECT_LT(measured, own_ns + kNanosPerMilli);  // its exit after the last look at its own clock
}

// In a container with process numbers of its own the log would name strangers.
TEST_F(SwitchLogTest, IsRefusedInAPidNamespaceOfItsOwn) {
  const pid_t outside = ::fork();
  if (outside == 0) {
    if (::unshare(CLONE_NEWPID) != 0) ::_exit(77);
    const pid_t inside = ::fork();
    if (inside == 0) {
      const absl::StatusOr<std::unique_ptr<SwitchLog>> log = SwitchLog::Attach();
      const bool refused = absl::IsFailedPrecondition(log.status()) &&
                           log.status().message().find("--pid=host") != absl::string_view::npos;
      ::_exit(refused ? 0 : 1);
    }
    int status = 0;
    ::waitpid(inside, &status, 0);
    ::_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 2);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(outside, &status, 0), outside);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "no new PID namespace may be made here";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

// One thread that runs alone, measured by a log.
struct MeasuredSpin {
  int64_t own_ns = 0;  // by its own clock
  int64_t wall_ns = 0;
  int64_t measured_ns = 0;
  int64_t unreported_ns = 0;
  uint64_t start_ns = 0;
};

MeasuredSpin MeasureSpin(SwitchLog& log) {
  const int64_t begin_ns = MonotonicNs();
  RunTimeReader reader(log, OnlineCpus(), begin_ns);
  RunTimeWindow window;
  const auto [tid, own_ns] = SpinInAThread(50 * kNanosPerMilli);
  reader.Read(MonotonicNs(), window);
  MeasuredSpin spun{
      .own_ns = own_ns, .wall_ns = MonotonicNs() - begin_ns, .unreported_ns = window.time().unreported_ns};
  for (const ThreadRun& thread : window.threads()) {
    if (static_cast<int>(thread.tid) != tid) continue;
    spun.measured_ns += thread.run_ns;
    spun.start_ns = thread.start_ns;
    EXPECT_EQ(thread.tgid, static_cast<uint32_t>(::getpid()));
    EXPECT_EQ(thread.task_flags, 0u);
  }
  return spun;
}

// Each way to attach that this kernel has gives the same run time of a thread that runs alone.
TEST_F(SwitchLogTest, EveryMethodMeasures) {
  for (const RunTimeMethod method : kRunTimeMethods) {
    if (method == RunTimeMethod::kSchedstat) continue;
    SCOPED_TRACE(RunTimeMethodName(method));
    absl::StatusOr<std::unique_ptr<SwitchLog>> log = SwitchLog::Attach(method);
    ASSERT_THAT(log, IsOk());
    EXPECT_EQ((*log)->method(), method);
    (*log)->Prime(OnlineCpus());
    MeasuredSpin spun = MeasureSpin(**log);
    // Stamped by CLOCK_MONOTONIC a switch that the kernel hides is not noticed (docs/run-time.md): a thread that came
    // after such a one has its time from the next record on. Not five times in a row.
    for (int i = 0; UsesKtime(method) && i < 4 && spun.measured_ns < spun.own_ns; ++i) spun = MeasureSpin(**log);
    EXPECT_GE(spun.measured_ns + spun.unreported_ns, spun.own_ns);
    // With CLOCK_MONOTONIC what was stolen from it counts as its own.
    EXPECT_LT(spun.measured_ns, (UsesKtime(method) ? spun.wall_ns : spun.own_ns) + kNanosPerMilli);
    timespec boot_time;
    ::clock_gettime(CLOCK_BOOTTIME, &boot_time);
    const auto now_ns = static_cast<uint64_t>(boot_time.tv_sec * kNanosPerSecond + boot_time.tv_nsec);
    EXPECT_LT(spun.start_ns, now_ns);
    EXPECT_GT(spun.start_ns + 10 * kNanosPerSecond, now_ns) << "it was started a moment ago";
  }
}

}  // namespace
}  // namespace vrapl
