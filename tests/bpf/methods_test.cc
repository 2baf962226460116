// Each method of the switch log loads on this kernel and delivers, on a slow and noisy machine too.
#include <gmock/gmock.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_replace.h"
#include "absl/types/span.h"
#include "base/clock.h"
#include "base/host_root.h"
#include "base/topology.h"
#include "bpf/run_time_reader.h"
#include "bpf/switch_log.h"
#include "tests/requirements.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

struct Seen {
  int64_t own_ns = 0;       // by the thread's own clock
  int64_t measured_ns = 0;  // by the log
  int64_t unreported_ns = 0;
  double error() const { return std::abs(static_cast<double>(measured_ns - own_ns)) / static_cast<double>(own_ns); }
};

// A thread that is born, runs and ends between two looks.
Seen MeasureAThread(SwitchLog& log, absl::Span<const int> cpus) {
  Seen seen;
  const int64_t start_ns = MonotonicNs();
  RunTimeReader reader(log, cpus, start_ns);
  uint32_t tid = 0;
  std::thread([&] {
    tid = static_cast<uint32_t>(::syscall(SYS_gettid));
    while (seen.own_ns < 50 * kNanosPerMilli) {
      timespec cpu_time;
      ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu_time);
      seen.own_ns = cpu_time.tv_sec * kNanosPerSecond + cpu_time.tv_nsec;
    }
  }).join();
  RunTimeWindow window;
  const int64_t end_ns = MonotonicNs();
  reader.Read(end_ns, window);
  EXPECT_EQ(window.time().total_ns(), static_cast<int64_t>(cpus.size()) * (end_ns - start_ns));
  if (UsesKtime(log.method())) {
    EXPECT_EQ(window.time().stolen_ns, 0) << "this clock does not tell";
    EXPECT_EQ(window.time().irq_ns, 0) << "nor this";
  }
  for (const ThreadRun& thread : window.threads()) seen.measured_ns += thread.tid == tid ? thread.run_ns : 0;
  seen.unreported_ns = window.time().unreported_ns;
  return seen;
}

class MethodsTest : public testing::TestWithParam<RunTimeMethod> {};

TEST_P(MethodsTest, LoadsAndTellsAThreadsRunTime) {
  VRAPL_NEEDS("kernel");
  const absl::StatusOr<std::vector<int>> cpus = ReadOnlineCpus(HostRoot());
  ASSERT_THAT(cpus, IsOk());
  absl::StatusOr<std::unique_ptr<SwitchLog>> log = SwitchLog::Attach(GetParam());
  ASSERT_THAT(log, IsOk());
  EXPECT_EQ((*log)->method(), GetParam());
  (*log)->Prime(*cpus);
  // The host may stop an emulated CPU in the middle of a switch, for milliseconds that one clock counts before it and
  // the other after. Not every time, though: what is wrong with the log itself would be.
  Seen best;
  for (int i = 0; i < 30 && (i == 0 || best.error() > 0.05); ++i) {
    const Seen seen = MeasureAThread(**log, *cpus);
    std::printf("own clock %.6f s, log %.6f s, unreported %.6f s\n", 1e-9 * seen.own_ns, 1e-9 * seen.measured_ns,
                1e-9 * seen.unreported_ns);
    if (i == 0 || seen.error() < best.error()) best = seen;
  }
  EXPECT_LE(best.error(), 0.05);
  EXPECT_EQ((*log)->RecursionMisses(), 0u);
}

INSTANTIATE_TEST_SUITE_P(AllOfBpf, MethodsTest,
                         testing::Values(RunTimeMethod::kBpf, RunTimeMethod::kRawTp, RunTimeMethod::kBpfKtime,
                                         RunTimeMethod::kRawTpKtime),
                         [](const testing::TestParamInfo<RunTimeMethod>& method) {
                           return absl::StrReplaceAll(RunTimeMethodName(method.param), {{"-", "_"}});
                         });

}  // namespace
}  // namespace vrapl
