// Run time by the kernel's accounts beside run time by BPF, of the same threads over the same seconds.
#include <gmock/gmock.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <map>
#include <thread>

#include "base/host_root.h"
#include "base/topology.h"
#include "sampler/run_time_meter.h"
#include "tests/requirements.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

constexpr int64_t kMs = kNanosPerMilli;
// The kernel brings a running thread's account up to date at its timer ticks: CONFIG_HZ is 100 at the least.
constexpr int64_t kLongestTickNs = 10 * kMs;

uint32_t Tid() { return static_cast<uint32_t>(::syscall(SYS_gettid)); }

void SpinFor(int64_t ns) {
  const int64_t end_ns = MonotonicNs() + ns;
  while (MonotonicNs() < end_ns) {
  }
}

// Threads of three kinds: one that never leaves, one that sleeps and wakes, and a succession of short ones.
class Load {
 public:
  Load() {
    threads_.emplace_back([this] {
      tids_[0] = Tid();
      while (!stop_) SpinFor(kMs);
    });
    threads_.emplace_back([this] {
      tids_[1] = Tid();
      while (!stop_) {
        SpinFor(kMs / 2);
        const timespec rest = {.tv_sec = 0, .tv_nsec = 500'000};
        ::nanosleep(&rest, nullptr);
      }
    });
    threads_.emplace_back([this] {
      tids_[2] = Tid();
      while (!stop_) std::thread([] { SpinFor(300 * kMs); }).join();
    });
    while (tids_[0] == 0 || tids_[1] == 0 || tids_[2] == 0) ::sched_yield();
  }
  ~Load() {
    stop_ = true;
    for (std::thread& thread : threads_) thread.join();
  }
  uint32_t tid(int i) const { return tids_[i]; }

 private:
  std::atomic<bool> stop_ = false;
  std::atomic<uint32_t> tids_[3] = {};
  std::vector<std::thread> threads_;
};

struct Sums {
  CpuTime time;
  std::map<uint32_t, int64_t> own_ns;  // of this process, by tid
  int64_t all_own_ns = 0;

  void Add(const RunTimeWindow& window, int64_t capacity_ns) {
    ASSERT_EQ(window.time().total_ns(), capacity_ns) << "0 ns left over";
    time += window.time();
    for (const ThreadRun& run : window.threads()) {
      if (run.tgid != static_cast<uint32_t>(::getpid())) continue;
      own_ns[run.tid] += run.run_ns;
      all_own_ns += run.run_ns;
    }
  }
};

TEST(RunTimeMethodsTest, SchedstatAgreesWithBpfToATickPerThread) {
  VRAPL_NEEDS("kernel");
  if (!CheckSchedstat().ok()) GTEST_SKIP() << CheckSchedstat().message();
  std::vector<CpuOnCore> cpus;
  const std::vector<int> online = ReadOnlineCpus(HostRoot()).value();
  for (const int cpu : online) cpus.push_back({.cpu = cpu, .core = cpu});
  const Load load;
  const absl::StatusOr<OpenRunTime> bpf = OpenRunTimeMeter({});
  ASSERT_THAT(bpf, IsOk());
  const absl::StatusOr<OpenRunTime> accounts =
      OpenRunTimeMeter({.method = RunTimeMethod::kSchedstat, .btf = "", .processes = {::getpid()}, .every_cpu = true});
  ASSERT_THAT(accounts, IsOk());
  const std::unique_ptr<RunTimeSource> sources[] = {bpf->meter->NewSource(cpus), accounts->meter->NewSource(cpus)};

  Sums sums[2];
  RunTimeWindow window;
  int64_t last_ns = MonotonicNs();
  // How long after its instant the accounts were looked at: it may be preempted, and the accounts go on.
  int64_t late_ns = 0;
  sources[0]->Start(last_ns);
  sources[1]->Start(last_ns);
  late_ns += MonotonicNs() - last_ns;
  for (int i = 0; i < 300; ++i) {
    RealClock().SleepUntil(last_ns + 10 * kMs);
    const int64_t t_ns = MonotonicNs();
    for (const size_t method : {1, 0}) {
      window.Clear();
      sources[method]->Read(t_ns, window);
      if (method == 1 && i == 299) late_ns += MonotonicNs() - t_ns;
      ASSERT_NO_FATAL_FAILURE(sums[method].Add(window, (t_ns - last_ns) * static_cast<int64_t>(cpus.size())));
    }
    last_ns = t_ns;
  }
  // What BPF was not told of may be anybody's.
  const int64_t slack_ns = 2 * kLongestTickNs + late_ns + sums[0].time.unreported_ns + sources[0]->late_ns();
  std::printf("ms by          bpf schedstat\n");
  const auto print = [](const char* what, int64_t by_bpf, int64_t by_schedstat) {
    std::printf("%-12s %8.3f %8.3f  %+.3f\n", what, static_cast<double>(by_bpf) * 1e-6,
                static_cast<double>(by_schedstat) * 1e-6, static_cast<double>(by_schedstat - by_bpf) * 1e-6);
  };
  const char* const names[] = {"spinning", "waking", "parent"};
  for (int i = 0; i < 3; ++i) {
    const int64_t by_bpf = sums[0].own_ns[load.tid(i)];
    const int64_t by_schedstat = sums[1].own_ns[load.tid(i)];
    print(names[i], by_bpf, by_schedstat);
    EXPECT_NEAR(static_cast<double>(by_bpf), static_cast<double>(by_schedstat), static_cast<double>(slack_ns));
  }
  print("process", sums[0].all_own_ns, sums[1].all_own_ns);
  print("idle", sums[0].time.idle_ns, sums[1].time.idle_ns);
  print("stolen", sums[0].time.stolen_ns, sums[1].time.stolen_ns);
  std::printf("unreported %.3f, late %.3f ms\n", static_cast<double>(sums[0].time.unreported_ns) * 1e-6,
              static_cast<double>(late_ns) * 1e-6);
  EXPECT_GT(sums[1].all_own_ns, sums[0].all_own_ns / 2) << "short threads lose their last 10 ms of 300, not more";
  EXPECT_GT(sums[1].time.run_ns, 0);
}

// Each method gives the same laws; which of them a kernel takes is the kernel's affair.
TEST(RunTimeMethodsTest, WhatIsAskedForIsWhatIsOpened) {
  VRAPL_NEEDS("kernel");
  int opened = 0;
  for (const RunTimeMethod method : kRunTimeMethods) {
    const absl::StatusOr<OpenRunTime> open = OpenRunTimeMeter({.method = method, .btf = "", .processes = {::getpid()}});
    if (!open.ok()) {
      std::printf("%s: %s\n", std::string(RunTimeMethodName(method)).c_str(), open.status().ToString().c_str());
      continue;
    }
    ++opened;
    EXPECT_EQ(open->meter->method(), method);
    EXPECT_EQ(open->why_no_better, "") << "it was asked for";
    EXPECT_EQ(open->meter->RecursionMisses(), 0u);
  }
  EXPECT_GE(opened, 1);
  const absl::StatusOr<OpenRunTime> best = OpenRunTimeMeter({});
  ASSERT_THAT(best, IsOk());
  EXPECT_EQ(best->why_no_better.empty(), IsExact(best->meter->method()));
}

}  // namespace
}  // namespace vrapl
