#include "emulator/bpf_busy_time.h"

#include <utility>

#include "base/clock.h"

namespace vrapl {

BpfBusyTime::BpfBusyTime(std::unique_ptr<SwitchLog> log, absl::Span<const int> cpus, int64_t start_ns)
    : log_(std::move(log)), reader_(*log_, cpus, start_ns), t_ns_(start_ns) {
  for (const int cpu : cpus) index_.emplace(cpu, static_cast<int>(index_.size()));
}

absl::StatusOr<std::unique_ptr<BpfBusyTime>> BpfBusyTime::Create(absl::Span<const int> cpus) {
  absl::StatusOr<std::unique_ptr<SwitchLog>> log = SwitchLog::Attach();
  if (!log.ok()) return log.status();
  (*log)->Prime(cpus);
  return std::unique_ptr<BpfBusyTime>(new BpfBusyTime(*std::move(log), cpus, MonotonicNs()));
}

int64_t BpfBusyTime::BusyNs(int cpu, int64_t t_ns) {
  if (t_ns > t_ns_) {
    t_ns_ = t_ns;
    reader_.Read(t_ns, window_);
    window_.Clear();
  }
  const auto index = index_.find(cpu);
  return index == index_.end() ? 0 : reader_.cpu_time(index->second).run_ns;
}

}  // namespace vrapl
