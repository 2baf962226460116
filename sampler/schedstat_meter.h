// The RunTimeMeter without BPF: the kernel's own accounts. Its threads are found by a thread of its own.
#pragma once

#include <condition_variable>
#include <list>
#include <mutex>
#include <thread>

#include "sampler/run_time_meter.h"
#include "schedstat/thread_finder.h"

namespace vrapl {

class SchedstatMeter final : public RunTimeMeter {
 public:
  // `processes`: whose threads are looked at beside those of the VMs, always. `every_cpu`: as in RunTimeOptions.
  // `proc`: "/proc", or a copy of it in a test.
  SchedstatMeter(std::vector<pid_t> processes, bool every_cpu, std::string proc = "/proc");
  ~SchedstatMeter() override;

  RunTimeMethod method() const override { return RunTimeMethod::kSchedstat; }
  int possible_cpus() const override { return possible_cpus_; }
  int64_t shortest_period_ns() const override { return kSchedstatPeriodNs; }
  std::unique_ptr<RunTimeSource> NewSource(std::vector<CpuOnCore> cpus) override;
  void FollowProcesses(const std::vector<pid_t>& processes) override;
  uint64_t threads_not_opened() const override { return finder_.not_opened(); }

  // What the finding thread does by itself; for tests.
  void FindThreads();

 private:
  void Run();

  const std::vector<pid_t> always_;
  const bool every_cpu_;
  const std::string proc_;
  const int possible_cpus_;
  const int64_t tick_ns_;
  const bool irq_apart_;
  const bool stolen_apart_;
  ThreadFinder finder_;
  std::mutex finding_;  // one Find() at a time
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stop_ = false;      // guarded by mutex_
  bool look_now_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace vrapl
