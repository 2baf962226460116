// The whole sampler in one process, as `vrapl sample` has it, with its CPU time told apart by thread. What it leaves
// out: looking for VMs, which are given, and telling guests.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/energy_source.h"
#include "sampler/flush_loop.h"
#include "sampler/recorder.h"
#include "sampler/run_time_meter.h"
#include "sampler/sampling_loop.h"
#include "vm/halt_polling.h"
#include "vm/vm.h"

namespace vrapl {

// CPU time of this process so far; a thread that is not there has none.
struct CpuTimes {
  int64_t all_ns = 0;
  int64_t sampling_ns = 0;
  int64_t flush_ns = 0;
  int64_t rest_ns() const { return all_ns - sampling_ns - flush_ns; }  // with a recorder: the thread that writes
};

// Of the whole process alone, by the clock of the scheduler.
int64_t ProcessCpuNs();

class WholeSampler {
 public:
  struct Options {
    int64_t period_ns = kNanosPerMilli;
    std::string recording;  // a file, or "": nothing is recorded
  };
  // Everything must outlive it. Runs when this returns. Errors: those of the BPF program and of the recording.
  static absl::StatusOr<std::unique_ptr<WholeSampler>> Start(EnergySource& source, const std::vector<Vm>& vms,
                                                             const Options& options);
  ~WholeSampler();

  CpuTimes cpu_times() const;
  // Samples taken and not; what the switch log lost.
  SamplerCounts counts() const { return loop_->counts(); }
  // Stops, and finishes the recording.
  absl::Status Stop();

 private:
  WholeSampler() = default;
  void Flush();

  OpenRunTime run_time_;
  std::unique_ptr<RunTimeSource> run_time_source_;
  std::unique_ptr<SamplingLoop> loop_;
  std::unique_ptr<RowTable> rows_;
  std::unique_ptr<Recorder> recorder_;
  HaltPolling halt_polling_;
  std::unique_ptr<FlushLoop> flush_;
  std::atomic<bool> stop_ = false;
  std::atomic<bool> stop_flush_ = false;
  std::atomic<pid_t> sampling_tid_ = 0;
  std::atomic<pid_t> flush_tid_ = 0;
  std::thread sampling_thread_;
  std::thread flush_thread_;
};

}  // namespace vrapl
