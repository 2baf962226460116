// How clean is the power of single samples, by the clock and at the counter's updates, and what does it cost?
//
// The counter is a function of the clock: constant power, updates every 1 ms with 0.65 % of jitter, each known in
// advance (emulator/update_schedule.h), so that what a sample says can be held against the truth. It lies in memory,
// and each reading costs a pread of 8 bytes of a file there, as a register behind /dev/cpu/N/msr does. The loop is the
// one that ships, with its real-time rights; run time is not read, since it is the same for all.
//
//   edge_lock_bench [--seconds=10]     of each way, in ten blocks
#include <fcntl.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>

#include "absl/strings/str_format.h"
#include "base/posix.h"
#include "bench/interleave.h"
#include "bench/load.h"
#include "bench/paired.h"
#include "emulator/update_schedule.h"
#include "sampler/edge_lock.h"
#include "sampler/measure_at_start.h"
#include "sampler/real_time.h"
#include "sampler/sampling_loop.h"

namespace vrapl {
namespace {

constexpr int kRounds = 10;
constexpr int kReaderCpu = 0;
constexpr int64_t kUpdateNs = kNanosPerMilli;
constexpr double kWatts = 50;
constexpr EnergyUnit kUnit{1.0 / 16384};
// Even over +- this has a standard deviation of 0.65 % of a period.
const auto kJitterNs = static_cast<int64_t>(0.0065 * static_cast<double>(kUpdateNs) * std::sqrt(3.0));

class MemoryCounter final : public EnergySource {
 public:
  MemoryCounter() : start_ns_(MonotonicNs()), schedule_(start_ns_, kUpdateNs, kJitterNs, /*seed=*/11) {
    std::string path = "/dev/shm/vrapl-edge-XXXXXX";
    fd_ = UniqueFd(::mkstemp(path.data()));
    ::unlink(path.c_str());
    if (::pwrite(fd_.get(), "12345678", 8, 0) != 8) std::abort();
    info_.cpus = OnlineCpus();
    info_.domains.push_back({.id = {RaplDomain::kPackage}, .unit = kUnit});
  }

  absl::string_view backend() const override { return "memory"; }
  const PackageInfo& package() const override { return info_; }
  void Read(EnergySample& sample) override {
    sample.before_ns = MonotonicNs();
    sample.error[0] = Peek(0, sample.ticks[0]);
    sample.after_ns = MonotonicNs();
  }
  int Peek(size_t, uint64_t& raw) override {
    uint64_t value = 0;
    if (::pread(fd_.get(), &value, sizeof value, 0) != sizeof value) return EIO;
    raw = TicksAt(schedule_.LastIndex(MonotonicNs()));
    return 0;
  }
  void StartAnew() override {}

  int64_t Instant(int64_t update) const { return schedule_.Instant(update); }
  // The update after which the counter has shown `ticks`.
  int64_t UpdateOf(uint64_t ticks) const {
    const double ns = (static_cast<double>(ticks) + 0.5) * kUnit.joules_per_tick / kWatts * 1e9;
    return schedule_.LastIndex(start_ns_ + static_cast<int64_t>(ns));
  }

 private:
  // The energy up to that update.
  uint64_t TicksAt(int64_t update) const {
    if (update < 0) return 0;
    return static_cast<uint64_t>(std::ceil(static_cast<double>(schedule_.Instant(update) - start_ns_ + kJitterNs) *
                                           1e-9 * kWatts / kUnit.joules_per_tick));
  }

  int64_t start_ns_;
  UpdateSchedule schedule_;
  UniqueFd fd_;
  PackageInfo info_;
};

// All CPUs idle: what ran is not asked here.
class NoRunTime final : public RunTimeSource {
 public:
  void Start(int64_t start_ns) override { last_ns_ = start_ns; }
  void Read(int64_t t_ns, RunTimeWindow& window) override { window.AddIdle(t_ns - std::exchange(last_ns_, t_ns)); }
  void CoverCpus(absl::Span<const CpuOnCore>) override {}
  int cpu_count() const override { return 1; }

 private:
  int64_t last_ns_ = 0;
};

struct Way {
  const char* name;
  int64_t period_ns;
  bool at_edges;
  // Of all blocks:
  uint64_t samples = 0;
  uint64_t empty = 0;
  uint64_t doubles = 0;
  uint64_t missed = 0;
  uint64_t not_at_edge = 0;
  int64_t cpu_ns = 0;
  int64_t wall_ns = 0;
  std::vector<double> cv{};      // of each block, in percent
  std::vector<double> off_ns{};  // at edges: of each sample, its instant from the true update
};

// One block: samples and what they say. The coefficient of variation, in percent.
double Block(Way& way, MemoryCounter& counter, const UpdateSummary& updates, int64_t block_ns) {
  NoRunTime run_time;
  SamplingLoop::Options options{.period_ns = way.period_ns};
  if (way.at_edges) {
    options.edge_lock = EdgeLock::Options{.update_period_ns = updates.period_ns, .period_ns = way.period_ns};
  }
  SamplingLoop loop(counter, run_time, RealClock(), options);
  std::thread([&] {
    PinTo(kReaderCpu);
    if (!UseRealTimePriority(kSamplerPriority).ok()) std::abort();
    loop.Start();
    std::atomic<bool> stop = false;
    while (MonotonicNs() < loop.start_ns() + block_ns) loop.Step();
    stop = true;
    loop.Run(stop);  // the last look at the CPU time
  }).join();

  std::vector<double> watts;
  uint64_t last_ticks = loop.start_ticks()[0];
  int64_t last_t_ns = loop.start_ns();
  bool first = true;
  const int64_t wanted = way.period_ns / kUpdateNs;
  while (loop.ring().Pop([&](const Sample& sample) {
    const int64_t updates_in = counter.UpdateOf(sample.ticks[0]) - counter.UpdateOf(last_ticks);
    const double joules = static_cast<double>(sample.ticks[0] - last_ticks) * kUnit.joules_per_tick;
    const int64_t dt_ns = sample.header.t_ns - last_t_ns;
    last_ticks = sample.ticks[0];
    last_t_ns = sample.header.t_ns;
    // The first begins at no edge, the last is asked for by no tick.
    if (std::exchange(first, false) || dt_ns < way.period_ns / 4) return;
    ++way.samples;
    way.empty += updates_in == 0 ? 1 : 0;
    way.doubles += wanted == 1 && updates_in >= 2 ? 1 : 0;
    const bool at_edge = (sample.header.flags & kSampleAtEdge) != 0;
    way.not_at_edge += way.at_edges && !at_edge ? 1 : 0;
    if (at_edge)
      way.off_ns.push_back(static_cast<double>(sample.header.t_ns - counter.Instant(counter.UpdateOf(last_ticks))));
    watts.push_back(joules * 1e9 / static_cast<double>(dt_ns));
  })) {
  }
  way.missed += loop.lateness().missed;
  way.cpu_ns += loop.counts().cpu_time_ns;
  way.wall_ns += block_ns;
  double mean = 0;
  for (const double value : watts) mean += value / static_cast<double>(watts.size());
  double variance = 0;
  for (const double value : watts) variance += (value - mean) * (value - mean) / static_cast<double>(watts.size() - 1);
  return 100 * std::sqrt(variance) / mean;
}

double Quantile(std::vector<double> values, double fraction) {
  if (values.empty()) return std::nan("");
  std::sort(values.begin(), values.end());
  return values[static_cast<size_t>(fraction * static_cast<double>(values.size() - 1))];
}

std::vector<double> Ratios(const std::vector<double>& values, const std::vector<double>& to) {
  std::vector<double> all;
  for (size_t i = 0; i < values.size(); ++i) all.push_back(values[i] / to[i]);
  return all;
}

int Main(int argc, char** argv) {
  const double seconds = NumberOption(argc, argv, "--seconds", 10);
  std::vector<std::unique_ptr<EnergySource>> sources;
  sources.push_back(std::make_unique<MemoryCounter>());
  auto& counter = static_cast<MemoryCounter&>(*sources.front());
  // On a busy machine the look may need more than one try.
  UpdateSummary updates;
  for (int tries = 0; tries < 20 && updates.period_ns == 0; ++tries) {
    updates = MeasureAtStart(sources, RealClock())[0][0];
  }
  if (const Alignment aligned = AlignToEdges(counter, {&updates, 1}, kNanosPerMilli); !aligned.lock) {
    return std::fprintf(stderr, "%s\n", aligned.notice.c_str()), 1;
  }
  std::vector<Way> ways = {{.name = "at the edge, 1 ms", .period_ns = kNanosPerMilli, .at_edges = true},
                           {.name = "by the clock, 1 ms", .period_ns = kNanosPerMilli, .at_edges = false},
                           {.name = "by the clock, 50 ms", .period_ns = 50 * kNanosPerMilli, .at_edges = false}};
  std::vector<double> control_cv;
  Interleave(kRounds, ways.size(), [&](size_t index, size_t column) {
    Way again = ways[index];  // the control leaves no trace in the figures
    Way& way = column == index ? ways[index] : again;
    const double cv = Block(way, counter, updates, static_cast<int64_t>(seconds * 1e9) / kRounds);
    (column == index ? way.cv : control_cv).push_back(cv);
  });
  const Spread control = MedianOf(Ratios(control_cv, ways.front().cv), 1, 0.99);
  const bool sound = control.low <= 1 && 1 <= control.high;
  std::printf(
      "%.0f W, updates every 1 ms with %.2f %% of jitter (found: %.3f us, jitter %.1f us); %.0f s of each way in %d "
      "blocks:\n\n",
      kWatts, 0.65, static_cast<double>(updates.period_ns) * 1e-3, static_cast<double>(updates.jitter_ns) * 1e-3,
      seconds, kRounds);
  std::printf(
      "| samples | number | power of a sample, coefficient of variation %% [95 %%] | to the first [95 %%] | empty | "
      "double | ticks missed | not at an update | CPU time |\n"
      "| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n");
  for (const Way& way : ways) {
    const std::string ratio = !sound             ? "not told"
                              : &way == &ways[0] ? "1"
                                                 : Describe(MedianOf(Ratios(way.cv, ways.front().cv)), 2);
    std::printf("| %s | %llu | %s | %s | %llu | %s | %llu | %s | %.2f %% |\n", way.name,
                static_cast<unsigned long long>(way.samples), Describe(MedianOf(way.cv), 3).c_str(), ratio.c_str(),
                static_cast<unsigned long long>(way.empty),
                way.period_ns == kUpdateNs ? absl::StrFormat("%d", way.doubles).c_str() : "-",
                static_cast<unsigned long long>(way.missed),
                way.at_edges ? absl::StrFormat("%d", way.not_at_edge).c_str() : "-",
                100 * static_cast<double>(way.cpu_ns) / static_cast<double>(way.wall_ns));
  }
  std::printf("\nControl, the first against itself: %s.%s\n", Describe(control, 3).c_str(),
              sound ? "" : " It excludes 1: the machine was not quiet, and no ratios are told.");
  const std::vector<double>& off_ns = ways.front().off_ns;
  std::printf("Stamps at the edge, from the true update: p1 %.0f ns, p50 %.0f ns, p99 %.0f ns, max %.0f ns.\n\n",
              Quantile(off_ns, 0.01), Quantile(off_ns, 0.5), Quantile(off_ns, 0.99), Quantile(off_ns, 1));
  return 0;
}

}  // namespace
}  // namespace vrapl

int main(int argc, char** argv) { return vrapl::Main(argc, argv); }
