#include "schedstat/schedstat_reader.h"

#include <gmock/gmock.h>

#include <map>
#include <random>

#include "tests/count_allocations.h"
#include "tests/schedstat/made_accounts.h"

namespace vrapl {
namespace {

constexpr int64_t kMs = 1'000'000;
constexpr int64_t kSecond = 1'000 * kMs;

struct Window {
  CpuTime time;
  std::map<uint32_t, int64_t> run_ns;  // by tid
  int64_t of(uint32_t tid) const { return run_ns.count(tid) > 0 ? run_ns.at(tid) : 0; }
};

// One package over made accounts.
class Package {
 public:
  Package(MadeAccounts& proc, ThreadFinder& finder, std::vector<int> cpus, bool every_cpu, bool irq_apart = false)
      : accounts_({.proc = proc.root(), .possible_cpus = 8, .irq_apart = irq_apart}),
        reader_(finder.NewReader(), accounts_, cpus, every_cpu) {}

  SchedstatReader& reader() { return reader_; }
  // Holds each window against the law: CPUs x dt, 0 ns left over, nothing below 0.
  Window Read(int64_t t_ns) {
    Window window;
    window.time = reader_.Read(t_ns, [&](const ThreadRun& run) {
      EXPECT_GT(run.run_ns, 0);
      EXPECT_EQ(run.solo_ns + run.shared_ns, 0) << "nobody knows what ran beside it";
      window.run_ns[run.tid] += run.run_ns;
    });
    int64_t run_ns = 0;
    for (const auto& [tid, ns] : window.run_ns) run_ns += ns;
    EXPECT_EQ(run_ns, window.time.run_ns);
    EXPECT_GE(std::min({window.time.idle_ns, window.time.irq_ns, window.time.stolen_ns}), 0);
    EXPECT_EQ(window.time.unreported_ns, 0);
    EXPECT_EQ(window.time.total_ns(), (t_ns - last_ns_) * reader_.cpu_count());
    last_ns_ = t_ns;
    return window;
  }
  void Start(int64_t t_ns) {
    reader_.Start(t_ns);
    last_ns_ = t_ns;
  }

 private:
  CpuAccounts accounts_;
  SchedstatReader reader_;
  int64_t last_ns_ = 0;
};

class SchedstatReaderTest : public testing::Test {
 protected:
  SchedstatReaderTest() : finder_({.proc = proc_.root(), .with_cpu = true}) {
    for (int cpu = 0; cpu < 4; ++cpu) proc_.SetCpu({.cpu = cpu, .idle_ticks = 1000});
    finder_.SetProcesses({10});
    proc_.AddThread(10, 11, 1, 5 * kSecond);
    proc_.AddThread(10, 12, 1, 6 * kSecond, /*cpu=*/2);
    finder_.Find(100 * kSecond);
  }
  MadeAccounts proc_;
  ThreadFinder finder_;
};

TEST_F(SchedstatReaderTest, WhatTheAccountsShowAndTheRest) {
  Package package(proc_, finder_, {0, 1}, true);
  package.Start(kSecond);
  proc_.Run(10, 11, 30 * kMs);
  proc_.Run(10, 12, 7);
  proc_.SetCpu({.cpu = 0, .idle_ticks = 1004, .irq_ticks = 1, .stolen_ticks = 2});
  proc_.SetCpu({.cpu = 3, .idle_ticks = 1009});
  const Window window = package.Read(kSecond + 100 * kMs);
  EXPECT_EQ(window.of(11), 30 * kMs);
  EXPECT_EQ(window.of(12), 7);
  EXPECT_EQ(window.time.idle_ns, 40 * kMs) << "of our CPUs";
  EXPECT_EQ(window.time.stolen_ns, 20 * kMs);
  EXPECT_EQ(window.time.irq_ns, 0) << "a guess of the kernel's that is in the threads' accounts already";
  EXPECT_EQ(window.of(kTheRest), 200 * kMs - 30 * kMs - 7 - 60 * kMs);
}

TEST_F(SchedstatReaderTest, InterruptsAreToldApartWhereTheKernelDoes) {
  Package package(proc_, finder_, {0, 1}, true, /*irq_apart=*/true);
  package.Start(kSecond);
  proc_.SetCpu({.cpu = 0, .idle_ticks = 1000, .irq_ticks = 3});
  EXPECT_EQ(package.Read(kSecond + 100 * kMs).time.irq_ns, 30 * kMs);
}

// Accounts come in steps: a window may find more than fits in it, and the next ones less. In the end all is right.
TEST_F(SchedstatReaderTest, WhatDoesNotFitIsCarriedAndTheRestMakesUpForIt) {
  Package package(proc_, finder_, {0}, true);
  package.Start(kSecond);
  // One thread all the time, seen every 16 ms; looked at every 10.
  std::map<uint32_t, int64_t> sum;
  int64_t shown_ms = 0;
  for (int64_t ms = 10; ms <= 1'000; ms += 10) {
    if (ms / 16 * 16 > shown_ms) {
      proc_.Run(10, 11, static_cast<uint64_t>(ms / 16 * 16 - shown_ms) * kMs);
      shown_ms = ms / 16 * 16;
    }
    const Window window = package.Read(kSecond + ms * kMs);
    for (const auto& [tid, ns] : window.run_ns) sum[tid] += ns;
  }
  EXPECT_EQ(sum[11] + sum[kTheRest], kSecond);
  EXPECT_LE(sum[kTheRest], 16 * kMs) << "one step, once, and not one in every window";
}

TEST_F(SchedstatReaderTest, IdleTimeInStepsIsNotTheRests) {
  Package package(proc_, finder_, {0, 1}, true);
  package.Start(kSecond);
  int64_t rest_ns = 0;
  for (int64_t ms = 7; ms <= 1'400; ms += 7) {  // both CPUs idle, 10 ms steps, windows of 7 ms
    for (int cpu = 0; cpu < 2; ++cpu) {
      proc_.SetCpu({.cpu = cpu, .idle_ticks = 1000 + static_cast<uint64_t>((ms + 3 * cpu) / 10)});
    }
    rest_ns += package.Read(kSecond + ms * kMs).of(kTheRest);
  }
  EXPECT_LE(rest_ns, 2 * kTickNs);
}

TEST_F(SchedstatReaderTest, ACountThatFallsIsWaitedFor) {
  Package package(proc_, finder_, {0}, true);
  package.Start(kSecond);
  proc_.SetCpu({.cpu = 0, .idle_ticks = 998});
  EXPECT_EQ(package.Read(kSecond + 20 * kMs).time.idle_ns, 0);
  proc_.SetCpu({.cpu = 0, .idle_ticks = 1001});
  EXPECT_EQ(package.Read(kSecond + 40 * kMs).time.idle_ns, 10 * kMs);
}

TEST_F(SchedstatReaderTest, ThreadsThatAreBornAndEnd) {
  Package package(proc_, finder_, {0}, true);
  package.Start(kSecond);
  proc_.AddThread(10, 13, 100 * 100 + 1, 3 * kMs);
  EXPECT_EQ(package.Read(kSecond + 10 * kMs).of(13), 0) << "nobody has found it yet";
  finder_.Find(100 * kSecond + 100 * kMs);
  EXPECT_EQ(package.Read(kSecond + 20 * kMs).of(13), 3 * kMs) << "from its first nanosecond";
  proc_.Run(10, 13, 2 * kMs);
  proc_.End(10, 13);
  const Window last = package.Read(kSecond + 30 * kMs);
  EXPECT_EQ(last.of(13), 0);
  EXPECT_EQ(last.of(kTheRest), 10 * kMs) << "what it ran since it was read last";
}

// Two packages whose readers look at different instants, and threads that move between them.
TEST_F(SchedstatReaderTest, EachNanosecondIsOnePackagesAndNoOthers) {
  Package packages[] = {{proc_, finder_, {0, 1}, false}, {proc_, finder_, {2, 3}, false}};
  packages[0].Start(kSecond);
  packages[1].Start(kSecond + kMs);
  std::mt19937 random(1);
  int64_t ran_ns = 0;
  int64_t told_ns[2] = {};
  int64_t stayed_ns[2] = {};
  for (int64_t ms = 10; ms <= 2'000; ms += 10) {
    for (size_t i = 0; i < 2; ++i) {
      const uint64_t ns = random() % (9 * kMs);
      ran_ns += static_cast<int64_t>(ns);
      proc_.Run(10, 11, ns);
      proc_.Move(10, 11, static_cast<int>(random() % 4));
      proc_.Run(10, 12, kMs);  // always on a CPU of the second
      const Window window = packages[i].Read(kSecond + (ms + static_cast<int64_t>(i)) * kMs + kMs);
      told_ns[i] += window.of(11);
      stayed_ns[i] += window.of(12);
    }
  }
  proc_.Move(10, 11, 0);
  told_ns[0] += packages[0].Read(kSecond + 3'000 * kMs).of(11);
  stayed_ns[1] += packages[1].Read(kSecond + 3'000 * kMs).of(12);
  EXPECT_EQ(stayed_ns[0], 0);
  EXPECT_EQ(stayed_ns[1], 400 * kMs);
  EXPECT_EQ(told_ns[0] + told_ns[1], ran_ns);
  EXPECT_GT(told_ns[0], ran_ns / 4);
  EXPECT_GT(told_ns[1], ran_ns / 4);
}

TEST_F(SchedstatReaderTest, CpusThatComeAndGo) {
  Package package(proc_, finder_, {0}, true);
  package.Start(kSecond);
  const std::vector<int> both = {0, 1};
  proc_.SetCpu({.cpu = 1, .idle_ticks = 5000});  // it idled before it was ours
  package.reader().CoverCpus(both);
  EXPECT_EQ(package.Read(kSecond + 20 * kMs).time.idle_ns, 0);
  proc_.SetCpu({.cpu = 1, .idle_ticks = 5002});
  EXPECT_EQ(package.Read(kSecond + 40 * kMs).time.idle_ns, 20 * kMs);
  proc_.RemoveCpu(1);
  const std::vector<int> none;
  package.reader().CoverCpus(none);
  EXPECT_EQ(package.Read(kSecond + 60 * kMs).time.total_ns(), 0);
}

TEST_F(SchedstatReaderTest, TimeThatStandsStillTellsNothing) {
  Package package(proc_, finder_, {0}, true);
  package.Start(kSecond);
  proc_.Run(10, 11, kMs);
  EXPECT_EQ(package.Read(kSecond).time.total_ns(), 0);
  EXPECT_EQ(package.Read(kSecond + 10 * kMs).of(11), kMs) << "and keeps what there was to tell";
}

#ifdef COUNTS_ALLOCATIONS
TEST_F(SchedstatReaderTest, ReadingDoesNotAllocate) {
  Package package(proc_, finder_, {0, 2}, false);
  package.Start(kSecond);
  proc_.Run(10, 11, kMs);
  proc_.AddThread(10, 14, 1);
  finder_.Find(101 * kSecond);
  const std::vector<int> cpus = {0, 1};
  int told = 0;
  const int before = allocations;
  package.reader().Read(kSecond + 10 * kMs, [&](const ThreadRun&) { ++told; });
  package.reader().CoverCpus(cpus);
  package.reader().Read(kSecond + 20 * kMs, [&](const ThreadRun&) { ++told; });
  EXPECT_EQ(allocations, before);
  EXPECT_GT(told, 0);
}
#endif

}  // namespace
}  // namespace vrapl
