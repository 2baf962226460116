// Busy time from the scheduler's own switches: exact at any instant, to the nanosecond.
#pragma once

#include <map>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "bpf/run_time_reader.h"
#include "bpf/switch_log.h"
#include "emulator/busy_time.h"

namespace vrapl {

// Time that the kernel does not report (bpf/run_time.h) counts as not busy: nobody knows what it was.
class BpfBusyTime final : public BusyTime {
 public:
  // Errors: those of SwitchLog::Attach.
  static absl::StatusOr<std::unique_ptr<BpfBusyTime>> Create(absl::Span<const int> cpus);

  absl::string_view name() const override { return "sched_switch (BPF)"; }
  // As all CPUs are looked at together, t_ns must not go backwards from CPU to CPU either.
  int64_t BusyNs(int cpu, int64_t t_ns) override;
  int64_t upkeep_ns() const override { return 50'000'000; }  // a log lasts 160 ms at 100 000 switches a second

 private:
  BpfBusyTime(std::unique_ptr<SwitchLog> log, absl::Span<const int> cpus, int64_t start_ns);

  std::unique_ptr<SwitchLog> log_;
  RunTimeReader reader_;
  RunTimeWindow window_;      // who ran: not needed here, and cleared
  std::map<int, int> index_;  // CPU -> the reader's number of it
  int64_t t_ns_;
};

}  // namespace vrapl
