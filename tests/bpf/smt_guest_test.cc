// SMT siblings, on a kernel that sees some: a guest whose two CPUs are threads of one core.
#include <gmock/gmock.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <map>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/cpu_model.h"
#include "base/host_root.h"
#include "base/topology.h"
#include "bpf/run_time_reader.h"
#include "tests/requirements.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

void PinTo(int cpu) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(static_cast<size_t>(cpu), &one);
  ASSERT_EQ(::sched_setaffinity(0, sizeof one, &one), 0);
}

struct Sums {
  std::map<uint32_t, ThreadRun> threads;  // by tid
  ThreadRun all;
  CpuTime time;
};

// A thread that is always busy beside one that is busy half the time, for a second, as a reader sees it that knows
// which CPUs share a core.
Sums Measure(absl::Span<const CpuOnCore> places, uint32_t tids[2]) {
  Sums sums;
  absl::StatusOr<std::unique_ptr<SwitchLog>> log = SwitchLog::Attach();
  EXPECT_THAT(log, IsOk());
  if (!log.ok()) return sums;
  (*log)->Prime({places[0].cpu, places[1].cpu});
  std::atomic<bool> stop = false;
  std::atomic<uint32_t> ids[2] = {0, 0};
  std::thread busy([&] {
    PinTo(places[0].cpu);
    ids[0] = static_cast<uint32_t>(::syscall(SYS_gettid));
    while (!stop) {
    }
  });
  std::thread half([&] {
    PinTo(places[1].cpu);
    ids[1] = static_cast<uint32_t>(::syscall(SYS_gettid));
    while (!stop) {
      const int64_t end_ns = MonotonicNs() + 5 * kNanosPerMilli;
      while (MonotonicNs() < end_ns) {
      }
      RealClock().SleepUntil(MonotonicNs() + 5 * kNanosPerMilli);
    }
  });
  while (ids[0] == 0 || ids[1] == 0) std::this_thread::yield();

  const int64_t start_ns = MonotonicNs();
  RunTimeReader reader(**log, places, start_ns);
  RunTimeWindow window;
  for (int i = 0; i < 1000; ++i) {
    RealClock().SleepUntil(start_ns + (i + 1) * kNanosPerMilli);
    reader.Read(MonotonicNs(), window);
    for (const ThreadRun& run : window.threads()) {
      EXPECT_GE(run.solo_ns, 0);
      EXPECT_GE(run.shared_ns, 0);
      EXPECT_LE(run.solo_ns + run.shared_ns, run.run_ns);
      for (ThreadRun* sum : {&sums.threads[run.tid], &sums.all}) {
        sum->run_ns += run.run_ns;
        sum->solo_ns += run.solo_ns;
        sum->shared_ns += run.shared_ns;
      }
    }
    window.Clear();
  }
  sums.time = reader.total();
  stop = true;
  busy.join();
  half.join();
  for (int i = 0; i < 2; ++i) tids[i] = ids[i];
  return sums;
}

void Print(const char* name, const ThreadRun& run) {
  std::printf("%-12s run %.6f s = solo %.6f s + shared %.6f s + unknown %.6f s\n", name, 1e-9 * run.run_ns,
              1e-9 * run.solo_ns, 1e-9 * run.shared_ns, 1e-9 * (run.run_ns - run.solo_ns - run.shared_ns));
}

TEST(SmtGuestTest, RunTimeIsSoloOrShared) {
  VRAPL_NEEDS("kernel");
  const absl::StatusOr<CpuModel> cpu = ReadCpuModel(HostRoot());
  ASSERT_THAT(cpu, IsOk());
  const absl::StatusOr<std::vector<PackageTopology>> topology = ReadTopology(HostRoot(), cpu->vendor);
  ASSERT_THAT(topology, IsOk());
  ASSERT_EQ(topology->size(), 1u);
  const std::vector<CpuOnCore> places = OnCores(*topology, topology->front().cpus);
  const std::vector<CpuOnCore> siblings = {{.cpu = 0, .core = 0, .core_id = 0}, {.cpu = 1, .core = 0, .core_id = 0}};
  ASSERT_EQ(places, siblings) << "the guest is started with -smp 2,cores=1,threads=2";

  uint32_t tids[2];
  Sums sums = Measure(places, tids);
  const ThreadRun& busy = sums.threads[tids[0]];
  const ThreadRun& half = sums.threads[tids[1]];
  Print("busy", busy);
  Print("half busy", half);
  Print("all threads", sums.all);
  // The sibling is unknown only while the kernel has not said who was on it.
  // Where time was stolen from a slice its two parts are rounded down.
  constexpr int64_t kRoundingNs = 1000;
  EXPECT_LE(sums.all.run_ns - sums.all.solo_ns - sums.all.shared_ns, sums.time.unreported_ns + kRoundingNs);
  // Beside the thread that never sleeps there is nothing like being alone, and what one shares the other does: the
  // threads of both CPUs together have twice what those of one have.
  EXPECT_LE(half.solo_ns, 0.1 * half.run_ns + sums.time.unreported_ns);
  EXPECT_GE(half.shared_ns, 0.5 * half.run_ns - sums.time.unreported_ns);
  EXPECT_GE(sums.all.shared_ns, 2 * half.shared_ns - sums.time.unreported_ns - sums.time.stolen_ns);
  // It has the core to itself while the other sleeps.
  EXPECT_GT(busy.solo_ns, 0);
}

TEST(SmtGuestTest, WhoeverHasNoSiblingsIsAlwaysAlone) {
  VRAPL_NEEDS("kernel");
  const std::vector<CpuOnCore> apart = {{.cpu = 0, .core = 0}, {.cpu = 1, .core = 1}};
  uint32_t tids[2];
  const Sums sums = Measure(apart, tids);
  EXPECT_EQ(sums.all.shared_ns, 0);
  EXPECT_EQ(sums.all.solo_ns, sums.all.run_ns);
}

}  // namespace
}  // namespace vrapl
