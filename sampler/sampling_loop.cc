#include "sampler/sampling_loop.h"

namespace vrapl {

SamplingLoop::SamplingLoop(EnergySource& source, RunTimeSource& run_time, const Clock& clock, Options options)
    : source_(source),
      run_time_(run_time),
      clock_(clock),
      options_(options),
      reader_cpu_(source.package().reader_cpu),
      ring_(options.ring_words),
      lateness_(options.period_ns) {}

void SamplingLoop::Start() {
  source_.Read(energy_);
  start_ns_ = last_t_ns_ = energy_.before_ns + (energy_.after_ns - energy_.before_ns) / 2;
  start_ticks_.assign(energy_.ticks.begin(), energy_.ticks.begin() + static_cast<long>(package().domains.size()));
  run_time_.Start(start_ns_);
  deadline_ns_ = start_ns_;
}

void SamplingLoop::TakeSample(int64_t late_ns) {
  source_.Read(energy_);
  const int64_t skew_ns = energy_.after_ns - energy_.before_ns;
  const int64_t t_ns = energy_.before_ns + skew_ns / 2;
  if (t_ns <= last_t_ns_) return;
  // After the energy, for the instant of the energy: the log knows who was on each CPU then.
  run_time_.Read(t_ns, window_);

  const auto domains = static_cast<uint32_t>(package().domains.size());
  uint64_t errors = 0;
  for (uint32_t i = 0; i < domains; ++i) errors += energy_.error[i] != 0 ? 1 : 0;
  if (errors > 0) read_errors_.fetch_add(errors, std::memory_order_relaxed);
  lost_records_.store(run_time_.lost_records(), std::memory_order_relaxed);
  gaps_.store(run_time_.gaps(), std::memory_order_relaxed);

  const SampleHeader header{.t_ns = t_ns,
                            .dt_ns = t_ns - last_t_ns_,
                            .skew_ns = skew_ns,
                            .late_ns = late_ns,
                            .time = window_.time(),
                            .domains = domains,
                            .threads = static_cast<uint32_t>(window_.threads().size())};
  if (ring_.TryPush(header, {energy_.ticks.data(), domains}, {energy_.error.data(), domains}, window_.threads())) {
    last_t_ns_ = t_ns;
    window_.Clear();
  } else {
    dropped_.fetch_add(1, std::memory_order_relaxed);
  }
}

void SamplingLoop::Step() {
  deadline_ns_ += options_.period_ns;
  clock_.SleepUntil(deadline_ns_);
  const int64_t late_ns = clock_.NowNs() - deadline_ns_;
  lateness_.Record(late_ns);
  if (late_ns >= options_.period_ns) {
    // Deadlines that passed meanwhile are counted as missed; the grid stays where it was.
    const int64_t passed = late_ns / options_.period_ns;
    lateness_.RecordMissed(static_cast<uint64_t>(passed));
    deadline_ns_ += passed * options_.period_ns;
  }
  TakeSample(late_ns);
}

void SamplingLoop::Run(const std::atomic<bool>& stop) {
  while (!stop.load(std::memory_order_relaxed)) Step();
  TakeSample(0);
}

}  // namespace vrapl
