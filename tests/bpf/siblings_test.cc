// Time alone on a core and time beside a sibling, on real switches. The machine need not have SMT: two of its CPUs are
// said to be siblings.
#include <gmock/gmock.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <map>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/host_root.h"
#include "bpf/run_time_reader.h"
#include "tests/requirements.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

// Runs and sleeps in turn on one CPU until it is destroyed.
class OnAndOff {
 public:
  OnAndOff(int cpu, int64_t on_ns, int64_t off_ns)
      : thread_([this, cpu, on_ns, off_ns] {
          cpu_set_t one;
          CPU_ZERO(&one);
          CPU_SET(static_cast<size_t>(cpu), &one);
          ::sched_setaffinity(0, sizeof one, &one);
          tid_ = static_cast<int>(::syscall(SYS_gettid));
          while (!stop_) {
            const int64_t end_ns = MonotonicNs() + on_ns;
            while (MonotonicNs() < end_ns) {
            }
            RealClock().SleepUntil(MonotonicNs() + off_ns);
          }
        }) {
    while (tid_ == 0) std::this_thread::yield();
  }
  ~OnAndOff() {
    stop_ = true;
    thread_.join();
  }
  uint32_t tid() const { return static_cast<uint32_t>(tid_.load()); }

 private:
  std::atomic<bool> stop_ = false;
  std::atomic<int> tid_ = 0;
  std::thread thread_;
};

struct Slice {
  int64_t begin = 0;
  int64_t end = 0;
  uint32_t tid = 0;
  bool known = true;  // no switch was hidden in it
};

// The slices of one CPU by its records alone, in the scheduler's clock.
std::vector<Slice> SlicesOf(const SwitchLog& log, int cpu, uint64_t tail) {
  std::vector<switch_record> records;
  EXPECT_EQ(log.ForEachRecord(cpu, tail, [&](const switch_record& record) { return records.push_back(record), true; }),
            0u);
  std::vector<Slice> slices;
  for (size_t i = 0; i + 1 < records.size(); ++i) {
    slices.push_back({.begin = static_cast<int64_t>(records[i].clock),
                      .end = static_cast<int64_t>(records[i + 1].clock),
                      .tid = records[i].tid,
                      .known = records[i + 1].switches - records[i].switches == 1});
  }
  return slices;
}

struct OnCore {
  int64_t solo_ns = 0;
  int64_t shared_ns = 0;
};

// By comparing each slice with each of the sibling's.
void AddOverlaps(const std::vector<Slice>& own, const std::vector<Slice>& sibling, std::map<uint32_t, OnCore>& sums) {
  size_t first = 0;
  for (const Slice& slice : own) {
    if (slice.tid == 0 || !slice.known) continue;
    while (first < sibling.size() && sibling[first].end <= slice.begin) ++first;
    for (size_t i = first; i < sibling.size() && sibling[i].begin < slice.end; ++i) {
      const int64_t overlap = std::min(slice.end, sibling[i].end) - std::max(slice.begin, sibling[i].begin);
      if (overlap <= 0) continue;
      (sibling[i].tid == 0 ? sums[slice.tid].solo_ns : sums[slice.tid].shared_ns) += overlap;
    }
  }
}

class SiblingsTest : public testing::Test {
 protected:
  void SetUp() override {
    VRAPL_NEEDS("kernel");
    cpus_ = *ParseCpuList(*ReadSmallFile("/sys/devices/system/cpu/online"));
    if (cpus_.size() < 2) GTEST_SKIP() << "one CPU has no sibling";
    absl::StatusOr<std::unique_ptr<SwitchLog>> log = SwitchLog::Attach();
    ASSERT_THAT(log, IsOk());
    log_ = *std::move(log);
    log_->Prime(cpus_);
  }
  std::vector<int> cpus_;
  std::unique_ptr<SwitchLog> log_;
};

TEST_F(SiblingsTest, SoloAndSharedTimeAreThoseOfTheOverlappingSlices) {
  const int a = cpus_[0];
  const int b = cpus_[1];
  const OnAndOff first(a, 700'000, 900'000);
  const OnAndOff second(a, 300'000, 1'100'000);
  const OnAndOff third(b, 1'300'000, 700'000);

  const uint64_t tail_a = log_->Head(a);
  const uint64_t tail_b = log_->Head(b);
  const std::vector<CpuOnCore> core = {{.cpu = a, .core = a}, {.cpu = b, .core = a}};
  RunTimeReader reader(*log_, core, MonotonicNs());
  RunTimeWindow window;
  std::map<uint32_t, OnCore> measured;
  std::map<uint32_t, int64_t> run_ns;
  int64_t t_ns = MonotonicNs();
  reader.Read(t_ns, window);  // begins within a slice: not compared
  // Both logs must still hold all of it at the end.
  for (int i = 0; i < 1000; ++i) {
    window.Clear();
    RealClock().SleepUntil(t_ns + kNanosPerMilli);
    const int64_t last_ns = std::exchange(t_ns, MonotonicNs());
    reader.Read(t_ns, window);
    ASSERT_EQ(window.time().total_ns(), 2 * (t_ns - last_ns));
    for (const ThreadRun& thread : window.threads()) {
      ASSERT_GE(thread.solo_ns, 0);
      ASSERT_GE(thread.shared_ns, 0);
      ASSERT_LE(thread.solo_ns + thread.shared_ns, thread.run_ns);
      measured[thread.tid].solo_ns += thread.solo_ns;
      measured[thread.tid].shared_ns += thread.shared_ns;
      run_ns[thread.tid] += thread.run_ns;
    }
  }
  const std::vector<Slice> slices_a = SlicesOf(*log_, a, tail_a);
  const std::vector<Slice> slices_b = SlicesOf(*log_, b, tail_b);
  std::map<uint32_t, OnCore> truth;
  AddOverlaps(slices_a, slices_b, truth);
  AddOverlaps(slices_b, slices_a, truth);
  const CpuTime total = reader.total();
  // Both ends of the run lie within slices; the clocks of two CPUs are mapped to one each by its own, to a fraction of a
  // microsecond; and what was stolen or hidden is in no slice of the reader's.
  const double tolerance = 2e6 + 200 * static_cast<double>(slices_a.size() + slices_b.size()) +
                           static_cast<double>(total.stolen_ns + total.unreported_ns);
  for (const OnAndOff* worker : {&first, &second, &third}) {
    const OnCore expected = truth[worker->tid()];
    const OnCore got = measured[worker->tid()];
    std::printf("run %.3f ms: solo %.3f, slices say %.3f; shared %.3f, slices say %.3f\n",
                1e-6 * static_cast<double>(run_ns[worker->tid()]), 1e-6 * static_cast<double>(got.solo_ns),
                1e-6 * static_cast<double>(expected.solo_ns), 1e-6 * static_cast<double>(got.shared_ns),
                1e-6 * static_cast<double>(expected.shared_ns));
    EXPECT_GT(got.solo_ns + got.shared_ns, 0);  // on a busy machine nobody is ever alone
    EXPECT_NEAR(static_cast<double>(got.solo_ns), static_cast<double>(expected.solo_ns), tolerance);
    EXPECT_NEAR(static_cast<double>(got.shared_ns), static_cast<double>(expected.shared_ns), tolerance);
  }
}

// The same switches, read as siblings and as cores of their own: all but the split is equal to the nanosecond.
TEST_F(SiblingsTest, SiblingsChangeNothingButTheSplit) {
  const OnAndOff first(cpus_[0], 200'000, 300'000);
  const OnAndOff second(cpus_[1], 300'000, 200'000);
  const int64_t start_ns = MonotonicNs();
  const std::vector<CpuOnCore> core = {{.cpu = cpus_[0], .core = cpus_[0]}, {.cpu = cpus_[1], .core = cpus_[0]}};
  RunTimeReader together(*log_, core, start_ns);
  RunTimeReader apart(*log_, std::vector<int>{cpus_[0], cpus_[1]}, start_ns);
  RunTimeWindow of_together;
  RunTimeWindow of_apart;
  int64_t t_ns = start_ns;
  int64_t stolen_ns = 0;
  for (int i = 0; i < 500; ++i) {
    of_together.Clear();
    of_apart.Clear();
    RealClock().SleepUntil(t_ns + kNanosPerMilli);
    t_ns = MonotonicNs();
    together.Read(t_ns, of_together);
    apart.Read(t_ns, of_apart);
    ASSERT_EQ(of_together.time().total_ns(), of_apart.time().total_ns());
    stolen_ns += of_apart.time().stolen_ns + of_together.time().stolen_ns;
    for (const ThreadRun& thread : of_apart.threads()) {
      ASSERT_EQ(thread.solo_ns, thread.run_ns) << "a core of its own";
      ASSERT_EQ(thread.shared_ns, 0);
    }
  }
  // Each looks at quiet queues at its own moment, so stolen time may come a window apart.
  const double tolerance = 1e5 + 2 * static_cast<double>(stolen_ns + apart.total().unreported_ns);
  EXPECT_NEAR(static_cast<double>(together.total().run_ns), static_cast<double>(apart.total().run_ns), tolerance);
  EXPECT_NEAR(static_cast<double>(together.total().idle_ns), static_cast<double>(apart.total().idle_ns), tolerance);
  EXPECT_EQ(together.records(), apart.records());
}

}  // namespace
}  // namespace vrapl
