#include "sampler/sampling_loop.h"

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <utility>

namespace vrapl {
namespace {

// No machine goes to sleep and wakes in less; how far the two clocks are read apart is far less.
constexpr int64_t kSuspendNs = 10 * kNanosPerMilli;

// Its own CPU time is a system call: so often is enough for a summary.
constexpr int64_t kCpuLookEveryNs = 100 * kNanosPerMilli;

}  // namespace

SamplingLoop::SamplingLoop(EnergySource& source, RunTimeSource& run_time, const Clock& clock, Options options)
    : source_(source),
      run_time_(run_time),
      clock_(clock),
      options_(std::move(options)),
      reader_cpu_(source.package().reader_cpu),
      offered_cpus_(source.package().cpus),
      ring_(options_.ring_words),
      lateness_(options_.period_ns),
      unknown_(source.package().domains.size()) {
  if (options_.edge_lock) edge_lock_.emplace(source_, clock_, *options_.edge_lock);
}

void SamplingLoop::Start() {
  for (int i = 0; i < 3; ++i) suspended_ns_ = std::max(suspended_ns_, clock_.SuspendedNs());  // one may be too small
  source_.Read(energy_);
  shortest_read_ns_ = energy_.after_ns - energy_.before_ns;
  start_ns_ = last_t_ns_ = energy_.before_ns + (energy_.after_ns - energy_.before_ns) / 2;
  start_ticks_.assign(energy_.ticks.begin(), energy_.ticks.begin() + static_cast<long>(package().domains.size()));
  run_time_.Start(start_ns_);
  std::vector<int> core_ids;
  for (const DomainInfo& domain : package().domains) {
    if (domain.id.domain == RaplDomain::kCore) core_ids.push_back(domain.id.core);
  }
  if (!core_ids.empty() && run_time_.TellCores(core_ids)) window_.TellCores(core_ids.size());
  deadline_ns_ = start_ns_;
  if (edge_lock_) edge_lock_->Start(start_ns_);
}

SamplerCounts SamplingLoop::counts() const {
  return {.cpu = reader_cpu(),
          .lateness = lateness(),
          .dropped = dropped(),
          .read_errors = read_errors(),
          .gaps = gaps(),
          .unreported_switches = unreported_switches(),
          .late_run_time_ns = late_run_time_ns(),
          .lost_records = lost_records(),
          .cpu_time_ns = cpu_time_ns_.load(std::memory_order_relaxed)};
}

void SamplingLoop::ReadEnergy() {
  source_.Read(energy_);
  shortest_read_ns_ = std::min(shortest_read_ns_, energy_.after_ns - energy_.before_ns);
  // What the counters show after a suspend is anything from a moment's energy to none: they are read anew, and say so.
  if (const int64_t suspended_ns = clock_.SuspendedNs() - suspended_ns_; suspended_ns > kSuspendNs) {
    suspended_ns_ += suspended_ns;
    new_suspended_ns_ += suspended_ns;
    source_.StartAnew();
    source_.Read(energy_);
  }
  for (size_t i = 0; i < unknown_.size(); ++i) {
    if (energy_.error[i] == EOVERFLOW) unknown_[i] = 1;
    if (energy_.error[i] == 0 && unknown_[i] != 0) energy_.error[i] = EOVERFLOW;
  }
}

bool SamplingLoop::OfferCpus(const std::vector<CpuOnCore>& cpus) {
  NewCpus now{.cpus = {}, .on_cores = cpus};
  for (const CpuOnCore& place : cpus) now.cpus.push_back(place.cpu);
  std::vector<int> sorted = now.cpus;
  std::sort(sorted.begin(), sorted.end());
  if (sorted == offered_cpus_) return false;
  offered_cpus_ = std::move(sorted);
  new_cpus_.Offer(std::move(now));
  return true;
}

// CPUs that came or went belong to the package, or not, from the sample just taken on.
void SamplingLoop::FollowCpus() {
  new_cpus_.Take([this](const NewCpus& now) {
    source_.CoverCpus(now.cpus);
    run_time_.CoverCpus(now.on_cores);
  });
  const int cpu = source_.package().reader_cpu;
  if (cpu == reader_cpu_.load(std::memory_order_relaxed)) return;
  reader_cpu_.store(cpu, std::memory_order_relaxed);
  if (options_.on_reader_cpu) options_.on_reader_cpu(cpu);
}

void SamplingLoop::LookAtCpuTime(int64_t now_ns) {
  if (now_ns < next_cpu_look_ns_) return;
  next_cpu_look_ns_ = now_ns + kCpuLookEveryNs;
  timespec used;
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  cpu_time_ns_.store(int64_t{used.tv_sec} * kNanosPerSecond + used.tv_nsec, std::memory_order_relaxed);
}

// Who is held up between the update and the end of the read may have the energy of later updates. What the read always
// takes, of many cores' counters, is no such time.
bool SamplingLoop::ReadAtEdge(const EdgeLock::Tick& tick) const {
  if ((tick.flags & kSampleAtEdge) == 0) return false;
  return energy_.after_ns - tick.after_ns - shortest_read_ns_ <= edge_lock_->longest_hold_up_ns();
}

void SamplingLoop::TakeSample(const EdgeLock::Tick& tick) {
  ReadEnergy();
  const bool at_edge = ReadAtEdge(tick);
  const bool left_edge = !at_edge && (tick.flags & kSampleAtEdge) != 0;
  const int64_t skew_ns = energy_.after_ns - (at_edge ? tick.before_ns : energy_.before_ns);
  const int64_t t_ns = at_edge ? tick.edge_ns() : energy_.before_ns + skew_ns / 2;
  // It may have the energy of all updates up to its end.
  if (left_edge) edge_lock_->SampledAt(energy_.after_ns);
  if (t_ns <= last_t_ns_) return;
  // After the energy, for the instant of the energy: the log knows who was on each CPU then.
  run_time_.Read(t_ns, window_);

  const auto domains = static_cast<uint32_t>(package().domains.size());
  uint64_t errors = 0;
  for (uint32_t i = 0; i < domains; ++i) errors += energy_.error[i] != 0 ? 1 : 0;
  if (errors > 0) read_errors_.fetch_add(errors, std::memory_order_relaxed);
  lost_records_.store(run_time_.lost_records(), std::memory_order_relaxed);
  gaps_.store(run_time_.gaps(), std::memory_order_relaxed);
  late_run_time_ns_.store(run_time_.late_ns(), std::memory_order_relaxed);
  unreported_switches_.store(run_time_.unreported_switches(), std::memory_order_relaxed);

  LookAtCpuTime(t_ns);
  new_late_ns_ = std::max(new_late_ns_, tick.late_ns);
  const SampleHeader header{.t_ns = t_ns,
                            .dt_ns = t_ns - last_t_ns_,
                            .skew_ns = skew_ns,
                            .late_ns = new_late_ns_,
                            .suspended_ns = new_suspended_ns_,
                            .time = window_.time(),
                            .cpus = static_cast<uint32_t>(run_time_.cpu_count()),
                            .domains = domains,
                            .threads = static_cast<uint32_t>(window_.threads().size()),
                            .flags = left_edge ? kSampleMissedEdge : tick.flags,
                            .cores = static_cast<uint32_t>(window_.cores().size())};
  if (ring_.TryPush(header, {energy_.ticks.data(), domains}, {energy_.error.data(), domains}, window_.threads(),
                    window_.cores())) {
    last_t_ns_ = t_ns;
    new_suspended_ns_ = new_late_ns_ = 0;
    for (size_t i = 0; i < unknown_.size(); ++i) {
      if (energy_.error[i] == EOVERFLOW) unknown_[i] = 0;  // told
    }
    window_.Clear();
    FollowCpus();
  } else {
    dropped_.fetch_add(1, std::memory_order_relaxed);
  }
}

// Sleeps, in a long period only, to some time before deadline_ns. False: `stop` was set meanwhile.
bool SamplingLoop::LookUntil(int64_t deadline_ns, const std::atomic<bool>& stop) {
  const int64_t pause_ns = run_time_.longest_pause_ns();
  if (options_.period_ns > pause_ns) {
    // A log of switches holds some milliseconds of a busy machine, not a second.
    for (int64_t look_ns = last_t_ns_ + pause_ns; look_ns < deadline_ns; look_ns += pause_ns) {
      clock_.SleepUntil(look_ns);
      if (stop.load(std::memory_order_relaxed)) return false;
      look_ns = std::max(look_ns, clock_.NowNs());
      if (look_ns < deadline_ns) run_time_.Read(look_ns, window_);
    }
  }
  return true;
}

void SamplingLoop::StepAtEdge(const std::atomic<bool>& stop) {
  if (!LookUntil(edge_lock_->wake_ns(), stop)) return;
  const EdgeLock::Tick tick = edge_lock_->Next();
  lateness_.Record(tick.late_ns);
  if (tick.missed > 0) lateness_.RecordMissed(tick.missed);
  TakeSample(tick);
}

void SamplingLoop::Step(const std::atomic<bool>& stop) {
  if (edge_lock_) return StepAtEdge(stop);
  if (!LookUntil(deadline_ns_ + options_.period_ns, stop)) return;
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
  TakeSample({.late_ns = late_ns});
}

void SamplingLoop::Run(const std::atomic<bool>& stop) {
  while (!stop.load(std::memory_order_relaxed)) Step(stop);
  next_cpu_look_ns_ = 0;
  TakeSample({});
}

}  // namespace vrapl
