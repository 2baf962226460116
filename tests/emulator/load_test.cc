// Power that follows this machine's own load: needs real time and a kernel that tells of each switch.
#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/clock.h"
#include "base/posix.h"
#include "emulator/bpf_busy_time.h"
#include "emulator/emulator.h"
#include "msr/rapl_reader.h"
#include "tests/emulator/temp_dir.h"
#include "tests/requirements.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

using Json = nlohmann::json;

class OnCpu0 {
 public:
  OnCpu0() {
    ::sched_getaffinity(0, sizeof before_, &before_);
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(0, &one);
    ::sched_setaffinity(0, sizeof one, &one);
  }
  ~OnCpu0() { ::sched_setaffinity(0, sizeof before_, &before_); }

 private:
  cpu_set_t before_;
};

int64_t ThreadCpuNs() {
  timespec now;
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return int64_t{now.tv_sec} * kNanosPerSecond + now.tv_nsec;
}

TEST(BpfBusyTimeTest, CountsARunningThreadUpToTheInstant) {
  VRAPL_NEEDS("kernel");
  const OnCpu0 pinned;
  absl::StatusOr<std::unique_ptr<BpfBusyTime>> busy = BpfBusyTime::Create({0});
  ASSERT_THAT(busy, IsOk());
  // Between the two looks this thread runs and does not switch away by itself; what it ran is at most what CPU 0 did.
  // Some kernels leave out some switches, and then nobody knows who runs until the next one: the better rounds count.
  std::vector<int64_t> missing_ns;
  for (int i = 0; i < 20; ++i) {
    const int64_t t0_ns = MonotonicNs();
    const int64_t before_ns = (*busy)->BusyNs(0, t0_ns);
    const int64_t ran_from_ns = ThreadCpuNs();
    while (MonotonicNs() < t0_ns + 5 * kNanosPerMilli) {
    }
    const int64_t ran_ns = ThreadCpuNs() - ran_from_ns;
    const int64_t t1_ns = MonotonicNs();
    const int64_t busy_ns = (*busy)->BusyNs(0, t1_ns) - before_ns;
    EXPECT_LE(busy_ns, t1_ns - t0_ns);
    missing_ns.push_back(ran_ns - busy_ns);
  }
  std::sort(missing_ns.begin(), missing_ns.end());
  EXPECT_LT(missing_ns[missing_ns.size() / 5], 50'000) << "busy time is missing";
}

TEST(LoadTest, EnergyIsBasePlusSlopeTimesBusyTimeToTheTick) {
  VRAPL_NEEDS("fuse");
  VRAPL_NEEDS("kernel");
  const TempDir dir;
  EmulatorOptions options;
  options.host.cpu = FindCpuProfile("skylake-sp");
  options.host.power = {*PowerSpec::Parse("load:20W+15W/cpu")};
  options.busy_time = BusyTimeKind::kBpf;
  absl::StatusOr<std::unique_ptr<Emulator>> emulator = Emulator::Start(dir.path(), options);
  ASSERT_THAT(emulator, IsOk());
  absl::StatusOr<std::vector<std::unique_ptr<EnergySource>>> sources = OpenMsrSources(HostRoot(dir.path()));
  ASSERT_THAT(sources, IsOk());
  const OnCpu0 pinned;
  EnergySample sample;
  uint64_t before = 0;
  const int64_t until_ns = MonotonicNs() + 300 * kNanosPerMilli;
  const int64_t ran_from_ns = ThreadCpuNs();
  while (MonotonicNs() < until_ns) {
    (*sources)[0]->Read(sample);
    ASSERT_EQ(sample.error[0], 0);
    ASSERT_GE(sample.ticks[0], before);
    before = sample.ticks[0];
  }
  const int64_t ran_ns = ThreadCpuNs() - ran_from_ns;
  const Json truth = Json::parse((*emulator)->host().Truth());
  const Json& package = truth["packages"][0]["domains"][0];
  const int64_t t_ns = package["last_update_ns"].get<int64_t>() - truth["start_ns"].get<int64_t>();
  const int64_t busy_ns = package["busy_ns"].get<int64_t>();
  EXPECT_GE(busy_ns, ran_ns / 2) << "this thread's own run time is part of it";
  const __int128 picojoules = __int128{20} * t_ns * 1000 + __int128{15} * busy_ns * 1000;
  EXPECT_EQ(static_cast<uint64_t>(picojoules * (1 << 14) / 1'000'000'000'000), package["ticks"].get<uint64_t>());
}

}  // namespace
}  // namespace vrapl
