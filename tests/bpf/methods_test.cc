// Each method of the switch log loads on this kernel and delivers, on a slow and noisy machine too.
#include <gmock/gmock.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <thread>

#include "absl/strings/str_replace.h"
#include "base/clock.h"
#include "base/host_root.h"
#include "base/topology.h"
#include "bpf/run_time_reader.h"
#include "bpf/switch_log.h"
#include "tests/requirements.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

class MethodsTest : public testing::TestWithParam<RunTimeMethod> {};

// A thread that is born, runs and ends between two looks is there with its run time by its own clock.
TEST_P(MethodsTest, LoadsAndTellsAThreadsRunTime) {
  VRAPL_NEEDS("kernel");
  const absl::StatusOr<std::vector<int>> cpus = ReadOnlineCpus(HostRoot());
  ASSERT_THAT(cpus, IsOk());
  absl::StatusOr<std::unique_ptr<SwitchLog>> log = SwitchLog::Attach(GetParam());
  ASSERT_THAT(log, IsOk());
  EXPECT_EQ((*log)->method(), GetParam());
  (*log)->Prime(*cpus);

  const int64_t start_ns = MonotonicNs();
  RunTimeReader reader(**log, *cpus, start_ns);
  uint32_t tid = 0;
  int64_t own_ns = 0;
  int64_t life_ns = 0;
  std::thread([&] {
    tid = static_cast<uint32_t>(::syscall(SYS_gettid));
    const int64_t born_ns = MonotonicNs();
    while (own_ns < 50 * kNanosPerMilli) {
      timespec cpu_time;
      ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu_time);
      own_ns = cpu_time.tv_sec * kNanosPerSecond + cpu_time.tv_nsec;
    }
    life_ns = MonotonicNs() - born_ns;
  }).join();
  RunTimeWindow window;
  const int64_t end_ns = MonotonicNs();
  reader.Read(end_ns, window);

  EXPECT_EQ(window.time().total_ns(), static_cast<int64_t>(cpus->size()) * (end_ns - start_ns));
  EXPECT_EQ((*log)->RecursionMisses(), 0u);
  EXPECT_GT(reader.records(), 0u);
  if (UsesKtime(GetParam())) {
    EXPECT_EQ(window.time().stolen_ns, 0) << "this clock does not tell";
    EXPECT_EQ(window.time().irq_ns, 0) << "nor this";
  }
  int64_t measured_ns = 0;
  for (const ThreadRun& thread : window.threads()) measured_ns += thread.tid == tid ? thread.run_ns : 0;
  std::printf("own clock %.6f s, log %.6f s, unreported %.6f s\n", 1e-9 * own_ns, 1e-9 * measured_ns,
              1e-9 * window.time().unreported_ns);
  // It ran for as long as it says, and what the wall clock saw of it more than that may be stolen time. Its start and
  // its end, outside its own two looks, take the rest.
  EXPECT_GE(measured_ns + window.time().unreported_ns, own_ns - kNanosPerMilli);
  EXPECT_LE(measured_ns, std::max(own_ns, life_ns) + 20 * kNanosPerMilli);
}

INSTANTIATE_TEST_SUITE_P(AllOfBpf, MethodsTest,
                         testing::Values(RunTimeMethod::kBpf, RunTimeMethod::kRawTp, RunTimeMethod::kBpfKtime,
                                         RunTimeMethod::kRawTpKtime),
                         [](const testing::TestParamInfo<RunTimeMethod>& method) {
                           return absl::StrReplaceAll(RunTimeMethodName(method.param), {{"-", "_"}});
                         });

}  // namespace
}  // namespace vrapl
