// The millisecond thread of one package: sleep to a deadline, read energy, read run time at the same instant, push.
//
// Between two samples it does not allocate, lock, log or wait for anybody.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "base/clock.h"
#include "base/energy_source.h"
#include "bpf/run_time.h"
#include "sampler/edge_lock.h"
#include "sampler/handover.h"
#include "sampler/lateness.h"
#include "sampler/package_feed.h"
#include "sampler/sample_ring.h"

namespace vrapl {

// Adds to the window the run time between the previous instant and t_ns: RunTimeReader in the program, a made one in
// tests.
class RunTimeSource {
 public:
  virtual ~RunTimeSource() = default;
  virtual void Start(int64_t start_ns) = 0;
  // Wants run time told by core as well (RunTimeReader::TellCores). False: that cannot be known. Right after Start().
  virtual bool TellCores(absl::Span<const int> /*core_ids*/) { return false; }
  virtual void Read(int64_t t_ns, RunTimeWindow& window) = 0;
  // From the last instant read on, these are the CPUs. Does not allocate.
  virtual void CoverCpus(absl::Span<const CpuOnCore> cpus) = 0;
  virtual int cpu_count() const = 0;  // a window holds the time of so many CPUs
  virtual uint64_t lost_records() const { return 0; }
  virtual uint64_t gaps() const { return 0; }
  virtual int64_t unreported_switches() const { return 0; }
  virtual int64_t late_ns() const { return 0; }  // see RunTimeReader
  // Between two Read() no more than this may pass, or something may be lost.
  virtual int64_t longest_pause_ns() const { return INT64_MAX; }
};

class SamplingLoop final : public PackageFeed {
 public:
  struct Options {
    int64_t period_ns = kNanosPerMilli;
    size_t ring_words = 1 << 20;                 // 8 MiB: some 20 s of ordinary samples
    std::optional<EdgeLock::Options> edge_lock;  // samples at the counter's own updates instead of by the clock
    // The source reads on another CPU from now on: the thread had better be there. Called by the thread itself.
    std::function<void(int cpu)> on_reader_cpu;
  };

  // All must outlive the loop.
  SamplingLoop(EnergySource& source, RunTimeSource& run_time, const Clock& clock, Options options);

  // Takes the baseline. Call once, before the first Step() or Run(), from the thread that will run the loop.
  void Start();

  // Sleeps to the next deadline and takes one sample; none where `stop` was set meanwhile, which is looked at every so
  // often in a long period.
  void Step(const std::atomic<bool>& stop = kNever);

  // Steps until `stop` is set, then takes a last sample, so that the time up to the end is in the ring.
  void Run(const std::atomic<bool>& stop);

  // The CPUs of the package that are online now, the best to read on first, none where it has gone. Taken over after
  // the next sample.
  // False when those are the ones it has. Threads: any one.
  bool OfferCpus(const std::vector<CpuOnCore>& cpus);

  const PackageInfo& package() const override { return source_.package(); }
  int reader_cpu() const { return reader_cpu_.load(std::memory_order_relaxed); }  // as of the last sample
  SampleRing& ring() { return ring_; }
  int64_t start_ns() const override { return start_ns_; }  // after Start()
  const std::vector<uint64_t>& start_ticks() const override { return start_ticks_; }
  bool Pop(absl::FunctionRef<void(const Sample&)> visit) override { return ring_.Pop(visit); }
  SamplerCounts counts() const override;  // Threads: any

  // Threads: any.
  LatenessSummary lateness() const { return lateness_.Summary(); }
  uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }  // merged into the next: ring was full
  uint64_t read_errors() const { return read_errors_.load(std::memory_order_relaxed); }
  uint64_t lost_records() const { return lost_records_.load(std::memory_order_relaxed); }
  uint64_t gaps() const { return gaps_.load(std::memory_order_relaxed); }
  int64_t late_run_time_ns() const { return late_run_time_ns_.load(std::memory_order_relaxed); }
  int64_t unreported_switches() const { return unreported_switches_.load(std::memory_order_relaxed); }

 private:
  static constexpr std::atomic<bool> kNever = false;

  bool LookUntil(int64_t deadline_ns, const std::atomic<bool>& stop);
  void StepAtEdge(const std::atomic<bool>& stop);
  bool ReadAtEdge(const EdgeLock::Tick& tick) const;
  void TakeSample(const EdgeLock::Tick& tick);
  void LookAtCpuTime(int64_t now_ns);
  void ReadEnergy();
  void FollowCpus();

  EnergySource& source_;
  RunTimeSource& run_time_;
  const Clock& clock_;
  const Options options_;
  std::atomic<int> reader_cpu_;
  struct NewCpus {
    std::vector<int> cpus;
    std::vector<CpuOnCore> on_cores;
  };
  Handover<NewCpus> new_cpus_;
  std::vector<int> offered_cpus_;  // of the thread that offers; ascending
  SampleRing ring_;
  Lateness lateness_;
  std::optional<EdgeLock> edge_lock_;
  EnergySample energy_;
  std::vector<uint8_t> unknown_;  // per domain: an EOVERFLOW that found no room in the ring yet
  RunTimeWindow window_;
  int64_t shortest_read_ns_ = 0;  // of the counters, so far
  int64_t start_ns_ = 0;
  std::vector<uint64_t> start_ticks_;
  int64_t deadline_ns_ = 0;
  int64_t last_t_ns_ = 0;
  int64_t suspended_ns_ = 0;      // as of the last sample
  int64_t new_suspended_ns_ = 0;  // since the last sample that is in the ring
  int64_t new_late_ns_ = 0;       // likewise, the latest wake
  int64_t next_cpu_look_ns_ = 0;
  std::atomic<uint64_t> dropped_{0};
  std::atomic<uint64_t> read_errors_{0};
  std::atomic<uint64_t> lost_records_{0};
  std::atomic<uint64_t> gaps_{0};
  std::atomic<int64_t> unreported_switches_{0};
  std::atomic<int64_t> late_run_time_ns_{0};
  std::atomic<int64_t> cpu_time_ns_{0};
};

}  // namespace vrapl
