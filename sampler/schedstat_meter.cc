#include "sampler/schedstat_meter.h"

#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/host_root.h"
#include "sampler/thread_facts.h"
#include "schedstat/cpu_accounts.h"
#include "schedstat/kernel_config.h"
#include "schedstat/schedstat_reader.h"

namespace vrapl {
namespace {

// A thread that is born is found within this time. 30 us per process and look, so a hundred VMs cost 3 % of a CPU.
constexpr auto kFindEvery = std::chrono::milliseconds(100);

int64_t BoottimeNs() {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return now.tv_sec * kNanosPerSecond + now.tv_nsec;
}

// Two files per thread are kept open; a shell's limit is 1024.
void RaiseFileLimit() {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
}

class SchedstatRunTime final : public RunTimeSource {
 public:
  SchedstatRunTime(ThreadReader& threads, CpuAccounts::Options accounts, const std::vector<CpuOnCore>& cpus,
                   bool every_cpu)
      : accounts_(std::move(accounts)), reader_(threads, accounts_, Numbers(cpus), every_cpu) {}

  void Start(int64_t start_ns) override { reader_.Start(start_ns); }
  void Read(int64_t t_ns, RunTimeWindow& window) override {
    const CpuTime time = reader_.Read(t_ns, [&window](const ThreadRun& run) { (void)window.AddThread(run); });
    window.AddIdle(time.idle_ns);
    window.AddIrq(time.irq_ns);
    window.AddStolen(time.stolen_ns);
  }
  void CoverCpus(absl::Span<const CpuOnCore> cpus) override { reader_.CoverCpus(Numbers(cpus)); }
  int cpu_count() const override { return reader_.cpu_count(); }

 private:
  // Room is kept for as many CPUs as there can be: the millisecond thread calls this.
  absl::Span<const int> Numbers(absl::Span<const CpuOnCore> cpus) {
    numbers_.clear();
    for (const CpuOnCore& place : cpus) numbers_.push_back(place.cpu);
    return numbers_;
  }

  CpuAccounts accounts_;
  std::vector<int> numbers_ = [] {
    std::vector<int> numbers;
    numbers.reserve(8192);
    return numbers;
  }();
  SchedstatReader reader_;
};

}  // namespace

SchedstatMeter::SchedstatMeter(std::vector<pid_t> processes, bool every_cpu, std::string proc)
    : always_(std::move(processes)),
      every_cpu_(every_cpu),
      proc_(std::move(proc)),
      possible_cpus_(static_cast<int>(::sysconf(_SC_NPROCESSORS_CONF))),
      tick_ns_(kNanosPerSecond / ::sysconf(_SC_CLK_TCK)),
      // Where nobody knows how the kernel was built, interrupts stay in whoever was interrupted: counted once.
      irq_apart_(KernelHas("CONFIG_IRQ_TIME_ACCOUNTING", KernelConfigPaths()).value_or(false)),
      stolen_apart_(KernelHas("CONFIG_PARAVIRT_TIME_ACCOUNTING", KernelConfigPaths()).value_or(false)),
      finder_({.proc = proc_,
               .tick_ns = tick_ns_,
               .boottime_offset_ns = ParseBoottimeOffset(ReadSmallFile(proc_ + "/self/timens_offsets").value_or("")),
               .with_cpu = !every_cpu}) {
  RaiseFileLimit();
  FollowProcesses({});
  FindThreads();
  thread_ = std::thread([this] { Run(); });
}

SchedstatMeter::~SchedstatMeter() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void SchedstatMeter::FindThreads() {
  const std::lock_guard<std::mutex> lock(finding_);
  finder_.Find(BoottimeNs());
}

void SchedstatMeter::Run() {
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    wake_.wait_for(lock, kFindEvery, [this] { return stop_ || look_now_; });
    if (stop_) return;
    look_now_ = false;
    lock.unlock();
    FindThreads();
    lock.lock();
  }
}

void SchedstatMeter::FollowProcesses(const std::vector<pid_t>& processes) {
  std::vector<pid_t> all = always_;
  all.insert(all.end(), processes.begin(), processes.end());
  finder_.SetProcesses(std::move(all));
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    look_now_ = true;
  }
  wake_.notify_all();
}

std::unique_ptr<RunTimeSource> SchedstatMeter::NewSource(std::vector<CpuOnCore> cpus) {
  const std::lock_guard<std::mutex> lock(finding_);  // the finder looks at its readers
  return std::make_unique<SchedstatRunTime>(
      finder_.NewReader(),
      CpuAccounts::Options{
          .proc = proc_, .tick_ns = tick_ns_, .possible_cpus = possible_cpus_,
           .irq_apart = irq_apart_, .stolen_apart = stolen_apart_},
      cpus, every_cpu_);
}

}  // namespace vrapl
