#include "tests/guest/recording_emulator.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/clock.h"

namespace vrapl {

class RecordingEmulator::Recorder final : public RegisterFile {
 public:
  Recorder(EmulatedHost& host, std::vector<int> package_of_cpu)
      : host_(host), package_of_cpu_(std::move(package_of_cpu)) {
    for (const MsrAddress address : {kMsrPkgEnergyStatus, kMsrDramEnergyStatus}) {
      for (const int package : package_of_cpu_) reads_[{package, address}].reserve(1 << 18);
    }
  }

  int Open(int cpu) override { return host_.Open(cpu); }

  // One read at a time, so that the order in which they are kept is the order in which they were answered.
  RegisterRead Read(int cpu, MsrAddress address) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    const RegisterRead read = host_.Read(cpu, address);
    const auto known = reads_.find({package_of_cpu_[static_cast<size_t>(cpu)], address});
    if (known != reads_.end() && read.error == 0) {
      known->second.push_back({.t_ns = MonotonicNs(), .ticks = static_cast<uint32_t>(read.value)});
    }
    return read;
  }

  std::vector<ReadOut> reads(int package, MsrAddress address) const {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto known = reads_.find({package, address});
    return known == reads_.end() ? std::vector<ReadOut>() : known->second;
  }

 private:
  EmulatedHost& host_;
  const std::vector<int> package_of_cpu_;
  mutable std::mutex mutex_;
  std::map<std::pair<int, MsrAddress>, std::vector<ReadOut>> reads_;
};

absl::StatusOr<std::unique_ptr<RecordingEmulator>> RecordingEmulator::Start(const Options& asked) {
  constexpr int kPriority = 60;  // as the program has by default
  constexpr int64_t kUpkeepNs = 10 * kNanosPerMilli;

  std::unique_ptr<RecordingEmulator> emulator(new RecordingEmulator);
  emulator->directory_ = testing::TempDir() + "/vrapl-recording-XXXXXX";
  if (::mkdtemp(emulator->directory_.data()) == nullptr) return absl::InternalError("no temporary directory");

  EmulatedHostOptions options;
  options.cpu = FindCpuProfile("skylake-sp");
  options.packages = asked.packages;
  options.start_ticks = asked.start_ticks;
  absl::StatusOr<PowerSpec> spec = PowerSpec::Parse(asked.power);
  if (!spec.ok()) return spec.status();
  options.power = {*std::move(spec)};
  absl::StatusOr<std::vector<PhysicalCore>> cores = MachineCores();
  if (!cores.ok()) return cores.status();
  options.cores = *std::move(cores);
  std::vector<int> cpus;
  for (const PhysicalCore& core : options.cores) cpus.insert(cpus.end(), core.cpus.begin(), core.cpus.end());
  if (options.FollowsLoad()) {
    absl::StatusOr<std::unique_ptr<BpfBusyTime>> busy = BpfBusyTime::Create(cpus);
    if (!busy.ok()) return busy.status();
    emulator->busy_ = *std::move(busy);
    options.busy = emulator->busy_.get();
  }
  absl::StatusOr<std::unique_ptr<EmulatedHost>> host = EmulatedHost::Create(options);
  if (!host.ok()) return host.status();
  emulator->host_ = *std::move(host);

  const nlohmann::json about = nlohmann::json::parse(emulator->host_->Truth());
  std::vector<int> package_of_cpu;
  for (const nlohmann::json& package : about["packages"]) {
    for (const int cpu : package["cpus"]) {
      package_of_cpu.resize(std::max(package_of_cpu.size(), static_cast<size_t>(cpu) + 1));
      package_of_cpu[static_cast<size_t>(cpu)] = package["package"];
    }
  }
  emulator->recorder_ = std::make_unique<Recorder>(*emulator->host_, std::move(package_of_cpu));
  absl::StatusOr<std::unique_ptr<HostFs>> fs = HostFs::Mount(
      emulator->directory_, emulator->host_->Tree(), emulator->recorder_.get(), {.realtime_priority = kPriority});
  if (!fs.ok()) return fs.status();
  emulator->fs_ = *std::move(fs);
  emulator->upkeep_ = std::thread([self = emulator.get()] {
    const sched_param priority{.sched_priority = kPriority};
    ::pthread_setschedparam(::pthread_self(), SCHED_FIFO, &priority);
    for (int64_t next_ns = MonotonicNs(); !self->stop_; next_ns = std::max(next_ns + kUpkeepNs, MonotonicNs())) {
      RealClock().SleepUntil(next_ns);
      self->host_->Poll();
    }
  });
  return emulator;
}

RecordingEmulator::~RecordingEmulator() {
  stop_ = true;
  if (upkeep_.joinable()) upkeep_.join();
  fs_.reset();
  ::rmdir(directory_.c_str());
}

std::vector<RecordingEmulator::ReadOut> RecordingEmulator::Reads(int package, MsrAddress address) const {
  return recorder_->reads(package, address);
}

Placement PlaceInReads(const std::vector<RecordingEmulator::ReadOut>& reads, const std::vector<uint64_t>& counts,
                       const std::vector<int64_t>& t_ns, int64_t tolerance_ns) {
  // 64-bit totals since the first read.
  std::vector<uint64_t> totals(reads.size());
  for (size_t i = 1; i < reads.size(); ++i) {
    totals[i] = totals[i - 1] + static_cast<uint32_t>(reads[i].ticks - reads[i - 1].ticks);
  }
  for (size_t first = 0; first < reads.size(); ++first) {
    Placement placement{.found = true, .first = first};
    for (size_t i = 0; i < counts.size() && placement.found; ++i) {
      // The same total may have been read more than once: the one nearest in time is meant.
      const auto [begin, end] = std::equal_range(totals.begin(), totals.end(), totals[first] + counts[i]);
      const auto apart_ns = [&](size_t at) { return std::abs(reads[at].t_ns - reads[first].t_ns - t_ns[i]); };
      std::optional<size_t> best;
      for (auto at = static_cast<size_t>(begin - totals.begin()); at < static_cast<size_t>(end - totals.begin());
           ++at) {
        if (!best || apart_ns(at) < apart_ns(*best)) best = at;
      }
      placement.found = best.has_value() && apart_ns(*best) <= tolerance_ns;
      if (!placement.found) break;
      placement.at.push_back(*best);
      placement.most_apart_ns = std::max(placement.most_apart_ns, apart_ns(*best));
    }
    if (placement.found) return placement;
  }
  return {};
}

}  // namespace vrapl
