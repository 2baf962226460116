#include "emulator/emulator.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "emulator/bpf_busy_time.h"

namespace vrapl {
absl::StatusOr<std::unique_ptr<Emulator>> Emulator::Start(const std::string& directory,
                                                          const EmulatorOptions& options) {
  std::unique_ptr<Emulator> emulator(new Emulator);
  EmulatedHostOptions host_options = options.host;
  const bool made_up = !host_options.cores.empty();
  if (!made_up) {
    absl::StatusOr<std::vector<PhysicalCore>> cores = MachineCores();
    if (!cores.ok()) return cores.status();
    host_options.cores = *std::move(cores);
  }
  if (absl::Status status = host_options.Check(); !status.ok()) return status;
  if (host_options.busy == nullptr && host_options.FollowsLoad()) {
    if (made_up) {
      return absl::InvalidArgumentError(
          "--cores with power that follows the load: CPUs that are not this machine's are never busy; give --power "
          "and --dram as const:, square: or curve:");
    }
    std::vector<int> cpus;
    for (const PhysicalCore& core : host_options.cores) cpus.insert(cpus.end(), core.cpus.begin(), core.cpus.end());
    if (options.busy_time != BusyTimeKind::kProcStat) {
      absl::StatusOr<std::unique_ptr<BpfBusyTime>> busy = BpfBusyTime::Create(cpus);
      if (busy.ok()) {
        emulator->busy_ = *std::move(busy);
      } else if (options.busy_time == BusyTimeKind::kBpf) {
        return busy.status();
      } else {
        emulator->busy_time_note_ = absl::StrCat(
            "power follows the load only within about a tenth of a second, by /proc/stat: ", busy.status().message());
      }
    }
    if (emulator->busy_ == nullptr) {
      absl::StatusOr<std::unique_ptr<ProcStatBusyTime>> busy = ProcStatBusyTime::Create(cpus);
      if (!busy.ok()) return busy.status();
      emulator->busy_ = *std::move(busy);
    }
    host_options.busy = emulator->busy_.get();
  }
  absl::StatusOr<std::unique_ptr<EmulatedHost>> host = EmulatedHost::Create(host_options);
  if (!host.ok()) return host.status();
  emulator->host_ = *std::move(host);
  absl::StatusOr<std::unique_ptr<HostFs>> fs =
      HostFs::Mount(directory, emulator->host_->Tree(), emulator->host_.get(), options.fs);
  if (!fs.ok()) return fs.status();
  emulator->fs_ = *std::move(fs);
  if (host_options.busy != nullptr) {
    emulator->upkeep_ = std::thread([self = emulator.get(), period_ns = host_options.busy->upkeep_ns(),
                                     priority = options.fs.realtime_priority] { self->Upkeep(period_ns, priority); });
  }
  return emulator;
}

Emulator::~Emulator() {
  stop_ = true;
  if (upkeep_.joinable()) upkeep_.join();
  fs_.reset();
}

void Emulator::Upkeep(int64_t period_ns, int realtime_priority) {
  ::pthread_setname_np(::pthread_self(), "vrapl-upkeep");
  if (realtime_priority > 0) {
    const sched_param priority{.sched_priority = realtime_priority};
    ::pthread_setschedparam(::pthread_self(), SCHED_FIFO, &priority);  // HostFs tells when that is not permitted
  }
  for (int64_t next_ns = MonotonicNs(); !stop_; next_ns = std::max(next_ns + period_ns, MonotonicNs())) {
    RealClock().SleepUntil(next_ns);
    host_->Poll();
  }
}

}  // namespace vrapl
