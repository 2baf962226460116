// Ten thousand windows of a millisecond under a load of messages: every nanosecond of every CPU has a row.
#include <gmock/gmock.h>

#include <cstdio>

#include "base/clock.h"
#include "base/topology.h"
#include "bpf/run_time_reader.h"
#include "tests/bpf/workloads.h"
#include "tests/requirements.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

TEST(WindowsTest, TenThousandWindowsCloseToTheNanosecond) {
  VRAPL_NEEDS("kernel");
  constexpr int kWindows = 10'000;
  const absl::StatusOr<std::vector<int>> cpus = ReadOnlineCpus(HostRoot());
  ASSERT_THAT(cpus, IsOk());
  absl::StatusOr<std::unique_ptr<SwitchLog>> log = SwitchLog::Attach();
  ASSERT_THAT(log, IsOk());
  (*log)->Prime(*cpus);
  const std::unique_ptr<Workload> load = MakeWorkload("messages");
  ASSERT_THAT(load->Start(), IsOk());

  // All CPUs as siblings of one core: then each row is told apart by what ran beside it as well.
  std::vector<CpuOnCore> places;
  for (const int cpu : *cpus) places.push_back({.cpu = cpu, .core = cpus->front()});
  const int64_t start_ns = MonotonicNs();
  RunTimeReader reader(**log, places, start_ns);
  RunTimeWindow window;
  int64_t deadline_ns = start_ns;
  int64_t t_ns = start_ns;
  int64_t solo_ns = 0;
  int64_t shared_ns = 0;
  for (int i = 0; i < kWindows; ++i) {
    RealClock().SleepUntil(deadline_ns = std::max(deadline_ns + kNanosPerMilli, t_ns));
    const int64_t last_ns = t_ns;
    t_ns = MonotonicNs();
    window.Clear();
    reader.Read(t_ns, window);
    ASSERT_EQ(window.time().total_ns(), reader.cpu_count() * (t_ns - last_ns)) << "window " << i;
    for (int cpu = 0; cpu < reader.cpu_count(); ++cpu) {
      ASSERT_EQ(reader.cpu_time(cpu).total_ns(), t_ns - start_ns) << "window " << i << ", CPU " << cpu;
    }
    int64_t run_ns = 0;
    for (const ThreadRun& thread : window.threads()) {
      run_ns += thread.run_ns;
      solo_ns += thread.solo_ns;
      shared_ns += thread.shared_ns;
      ASSERT_LE(thread.solo_ns + thread.shared_ns, thread.run_ns) << "window " << i << ", thread " << thread.tid;
      ASSERT_GE(std::min(thread.solo_ns, thread.shared_ns), 0) << "window " << i << ", thread " << thread.tid;
    }
    ASSERT_EQ(run_ns, window.time().run_ns) << "window " << i;
  }
  load->Stop();
  const CpuTime total = reader.total();
  std::printf(
      "%d windows of %.3f ms: residual 0 ns; %llu records, %llu lost; idle %.3f, run %.3f (solo %.3f, shared "
      "%.3f), stolen %.6f, unreported %.6f s\n",
      kWindows, 1e-6 * static_cast<double>(t_ns - start_ns) / kWindows,
      static_cast<unsigned long long>(reader.records()), static_cast<unsigned long long>(reader.lost_records()),
      1e-9 * static_cast<double>(total.idle_ns), 1e-9 * static_cast<double>(total.run_ns),
      1e-9 * static_cast<double>(solo_ns), 1e-9 * static_cast<double>(shared_ns),
      1e-9 * static_cast<double>(total.stolen_ns), 1e-9 * static_cast<double>(total.unreported_ns));
  EXPECT_GT(reader.records(), 10'000u);
  EXPECT_GT(total.run_ns, total.total_ns() / 10) << "the load did not run";
}

}  // namespace
}  // namespace vrapl
