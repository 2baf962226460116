#include "bench/whole_sampler.h"

#include <unistd.h>

#include <ctime>
#include <latch>
#include <utility>

#include "base/clock_anchor.h"
#include "conditions/machine_conditions.h"
#include "sampler/cpu_watcher.h"
#include "sampler/real_time.h"
#include "sampler/thread_facts.h"

namespace vrapl {
namespace {

constexpr int64_t kDrainEveryNs = 50 * kNanosPerMilli;  // as the daemon
constexpr int64_t kFlushNs = 2 * kNanosPerSecond;

int64_t ClockNs(clockid_t clock) {
  timespec time{};
  if (::clock_gettime(clock, &time) != 0) return 0;
  return int64_t{time.tv_sec} * kNanosPerSecond + time.tv_nsec;
}

// Source: Linux include/linux/posix-timers_types.h, CPUCLOCK_PERTHREAD_MASK and CPUCLOCK_SCHED; what
// pthread_getcpuclockid() gives, for a thread that is known by its number.
int64_t ThreadCpuNs(pid_t tid) { return tid == 0 ? 0 : ClockNs(static_cast<clockid_t>((~tid * 8) | 4 | 2)); }

}  // namespace

int64_t ProcessCpuNs() { return ClockNs(CLOCK_PROCESS_CPUTIME_ID); }

absl::StatusOr<std::unique_ptr<WholeSampler>> WholeSampler::Start(EnergySource& source, const std::vector<Vm>& vms,
                                                                  const Options& options) {
  std::unique_ptr<WholeSampler> self(new WholeSampler);
  absl::StatusOr<OpenRunTime> run_time = OpenRunTimeMeter({.method = RunTimeMethod::kBpf});
  if (!run_time.ok()) return run_time.status();
  self->run_time_ = *std::move(run_time);
  std::vector<CpuOnCore> cpus;
  for (const int cpu : source.package().cpus) cpus.push_back({.cpu = cpu, .core = cpu});
  self->run_time_source_ = self->run_time_.meter->NewSource(cpus);
  self->loop_ = std::make_unique<SamplingLoop>(source, *self->run_time_source_, RealClock(),
                                               SamplingLoop::Options{.period_ns = options.period_ns});
  if (absl::Status locked = LockMemory(); !locked.ok()) return locked;

  std::latch started(1);
  absl::Status rights = absl::OkStatus();
  self->sampling_thread_ = std::thread([&, loop = self->loop_.get(), sampler = self.get()] {
    WakeWithoutSlack();
    rights.Update(PinToCpu(source.package().reader_cpu));
    rights.Update(UseRealTimePriority(kSamplerPriority));
    sampler->sampling_tid_ = ::gettid();
    loop->Start();
    started.count_down();
    loop->Run(sampler->stop_);
  });
  started.wait();
  if (!rights.ok()) return rights;

  std::vector<PackageFeed*> feeds = {self->loop_.get()};
  self->rows_ = std::make_unique<RowTable>(::getpid(), std::set<pid_t>{}, ThreadFactsFromProc());
  if (!options.recording.empty()) {
    const RunHeader header{.vrapl_version = "bench",
                           .source = "emulated",
                           .backend = std::string(source.backend()),
                           .run_time_method = RunTimeMethod::kBpf,
                           .period_ns = options.period_ns,
                           .flush_ns = kFlushNs,
                           .models = {std::string(ModelName(Model::kBaseShare))},
                           .packages = ToRecordedPackages(feeds, {}),
                           .anchor = ReadClockAnchor()};
    auto recorder = Recorder::Create(options.recording, /*force=*/true, header, *self->rows_, ThreadFactsFromProc());
    if (!recorder.ok()) return recorder.status();
    self->recorder_ = *std::move(recorder);
    self->recorder_->FollowCounts(feeds);
    self->recorder_->FollowConditions(std::make_unique<MachineConditions>(HostRoot()));
  }
  self->flush_ = std::make_unique<FlushLoop>(
      feeds, *self->rows_, /*ports=*/nullptr, RealClock(),
      FlushLoop::Options{.flush_ns = kFlushNs,
                         .source = "emulated",
                         .backend = std::string(source.backend()),
                         .period_ns = options.period_ns,
                         .recursion_misses = [meter = self->run_time_.meter.get()] { return meter->RecursionMisses(); },
                         .observer = self->recorder_.get(),
                         .halt_polling = &self->halt_polling_},
      [](FlushReport&) {});
  std::vector<pid_t> processes;
  for (const Vm& vm : vms) processes.push_back(vm.pid);
  self->run_time_.meter->FollowProcesses(processes);
  self->flush_->UpdateVms({.vms = vms});
  self->flush_thread_ = std::thread([sampler = self.get()] { sampler->Flush(); });
  return self;
}

// What the daemon's loop does in each turn.
void WholeSampler::Flush() {
  flush_tid_ = ::gettid();
  CpuWatcher cpus{HostRoot()};
  for (int64_t next_ns = MonotonicNs(); !stop_flush_;) {
    flush_->Drain();
    cpus.Poll();
    next_ns = std::max(next_ns + kDrainEveryNs, MonotonicNs());
    RealClock().SleepUntil(next_ns);
  }
  flush_->Finish();
}

CpuTimes WholeSampler::cpu_times() const {
  return {.all_ns = ProcessCpuNs(), .sampling_ns = ThreadCpuNs(sampling_tid_), .flush_ns = ThreadCpuNs(flush_tid_)};
}

absl::Status WholeSampler::Stop() {
  stop_ = true;
  if (sampling_thread_.joinable()) sampling_thread_.join();
  stop_flush_ = true;
  if (flush_thread_.joinable()) flush_thread_.join();
  return recorder_ ? std::exchange(recorder_, nullptr)->Finish() : absl::OkStatus();
}

WholeSampler::~WholeSampler() { Stop().IgnoreError(); }

}  // namespace vrapl
