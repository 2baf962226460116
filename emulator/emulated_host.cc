#include "emulator/emulated_host.h"

#include <unistd.h>
#include <x86intrin.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/host_root.h"
#include "base/posix.h"

namespace vrapl {
namespace {

// Not of RAPL, but read by turbostat before it looks for RAPL. Source: Linux arch/x86/include/asm/msr-index.h.
constexpr MsrAddress kTimeStampCounter = 0x10;
constexpr MsrAddress kMicrocodeRevision = 0x8B;  // IA32_UCODE_REV: bits 63:32 on Intel; AMD MSR_PATCH_LEVEL: 31:0

// Not of RAPL either: what turbostat ends without, on the CPUs where it looks for them. Zero is what a machine shows
// that has never been throttled, and the platform's is 2 GHz, from 0.8 GHz. Source: Intel SDM vol. 4, under these
// names.
constexpr MsrAddress kFsbFrequency = 0xCD;  // MSR_FSB_FREQ: Silvermont and Airmont only
constexpr MsrAddress kPlatformInfo = 0xCE;  // MSR_PLATFORM_INFO
constexpr uint64_t kPlatformInfoValue = uint64_t{20} << 8 | uint64_t{8} << 40;
constexpr MsrAddress kPkgCstConfig = 0xE2;     // MSR_PKG_CST_CONFIG_CONTROL
constexpr MsrAddress kPkgPerfStatus = 0x613;   // MSR_PKG_PERF_STATUS: time throttled
constexpr MsrAddress kDramPerfStatus = 0x61B;  // MSR_DRAM_PERF_STATUS

constexpr int64_t kUncoreUw = 500'000;    // an idle graphics unit
constexpr int64_t kBoardUw = 10'000'000;  // what psys sees beyond packages and memory
constexpr int kCoresPercent = 80;         // of what a package uses above its base

// A core's id when ids have gaps, as on parts whose cores are partly fused off: 0, 1, 2, 4, 5, 6, 8, ...
constexpr int SparseCoreId(int index) { return index / 3 * 4 + index % 3; }

}  // namespace

absl::StatusOr<std::vector<PhysicalCore>> MachineCores() {
  const absl::StatusOr<std::vector<PackageTopology>> packages = ReadTopology(HostRoot(), CpuVendor::kIntel);
  if (!packages.ok()) return packages.status();
  std::vector<PhysicalCore> cores;
  for (const PackageTopology& package : *packages) {
    cores.insert(cores.end(), package.cores.begin(), package.cores.end());
  }
  return cores;
}

std::vector<PhysicalCore> MadeUpCores(int count, int threads) {
  std::vector<PhysicalCore> cores;
  for (int core = 0; core < count; ++core) {
    PhysicalCore& made = cores.emplace_back(PhysicalCore{.core_id = core, .cpus = {}});
    for (int thread = 0; thread < threads; ++thread) made.cpus.push_back(core + thread * count);
  }
  return cores;
}

int EmulatedHost::CoreId(const Counter& counter) const {
  return counter.core < 0 ? -1 : packages_[counter.package].cores[static_cast<size_t>(counter.core)].core_id;
}

uint64_t EmulatedHost::Counter::Register() const { return start + ticks.load(std::memory_order_acquire); }

EmulatedHost::Group& EmulatedHost::AddGroup(size_t package, size_t number) {
  // Each package has its own phase; the domains of one follow each other within a tenth of a period.
  const auto period = static_cast<uint64_t>(options_.period_ns);
  const uint64_t phase = Scatter(options_.seed, 1000 + package) % period +
                         Scatter(options_.seed, 2000 + 100 * package + number) % std::max<uint64_t>(period / 10, 1);
  const int64_t first_ns = start_ns_ + options_.period_ns + static_cast<int64_t>(phase);
  return groups_.emplace_back(Group{.schedule = UpdateSchedule(first_ns, options_.period_ns, options_.jitter_ns,
                                                               Scatter(options_.seed, 3000 + groups_.size())),
                                    .package = package,
                                    .index = -1,
                                    .counters = {}});
}

void EmulatedHost::AddCounter(const DomainProfile& profile, size_t package, int core, Group& group) {
  Counter& counter = counters_.emplace_back();
  counter.profile = &profile;
  counter.package = package;
  counter.core = core;
  counter.start = options_.start_ticks.value_or(Scatter(options_.seed, counters_.size()) >> 32);
  if (options_.cpu->high_half != HighHalf::kCounts) counter.start &= 0xFFFF'FFFF;
  group.counters.push_back(&counter);
  const Package& owner = packages_[package];
  for (const int cpu : core < 0 ? owner.cpus : owner.cores[static_cast<size_t>(core)].cpus) {
    counter_at_[{cpu, profile.energy_status}] = &counter;
  }
}

absl::Status EmulatedHostOptions::Check() const {
  if (cpu == nullptr) return absl::InvalidArgumentError("no CPU model to emulate");
  if (packages < 1 || static_cast<size_t>(packages) > cores.size()) {
    return absl::InvalidArgumentError(absl::StrCat("--packages=", packages, ": there are ", cores.size(),
                                                   " cores, so between 1 and ", cores.size(),
                                                   " packages are possible (--cores=N emulates more)"));
  }
  if (dies < 1 || static_cast<size_t>(dies) * static_cast<size_t>(packages) > cores.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--dies=", dies, ": ", cores.size(), " cores in ", packages, " packages make between 1 and ",
                     cores.size() / static_cast<size_t>(packages), " dies in each (--cores=N emulates more)"));
  }
  if (power.size() != 1 && power.size() != static_cast<size_t>(packages)) {
    return absl::InvalidArgumentError(absl::StrCat("--power was given ", power.size(), " times for ", packages,
                                                   " packages: give it once for all, or once for each"));
  }
  if (period_ns <= 0 || jitter_ns < 0 || jitter_ns >= (period_ns + 1) / 2) {
    return absl::InvalidArgumentError("--jitter must be less than half of --update-period");
  }
  return absl::OkStatus();
}

bool EmulatedHostOptions::FollowsLoad() const {
  return std::any_of(power.begin(), power.end(), [](const PowerSpec& each) { return each.follows_load(); }) ||
         (dram.own && dram.own->follows_load());
}

absl::StatusOr<std::unique_ptr<EmulatedHost>> EmulatedHost::Create(const EmulatedHostOptions& options) {
  if (absl::Status status = options.Check(); !status.ok()) return status;
  if (options.busy == nullptr && options.FollowsLoad()) {
    return absl::InvalidArgumentError("power that follows the load needs a source of busy time");
  }
  std::unique_ptr<EmulatedHost> host(new EmulatedHost(options));
  const EmulatedHostOptions& used = host->options_;
  host->start_ns_ = used.clock->NowNs();
  for (const PhysicalCore& core : used.cores) {
    for (const int cpu : core.cpus) {
      if (used.busy != nullptr) host->busy_at_start_ns_[cpu] = used.busy->BusyNs(cpu, host->start_ns_);
    }
  }
  host->MakePackages();
  if (absl::Status status = host->ResolveFaults(); !status.ok()) return status;
  for (size_t p = 0; p < host->packages_.size(); ++p) {
    const Package& package = host->packages_[p];
    size_t number = 0;
    for (const DomainProfile& domain : used.cpu->domains) {
      // psys counts in one package of the platform only; in the others it reads 0.
      if (domain.domain == RaplDomain::kPsys && p != 0) continue;
      Group& group = host->AddGroup(p, number++);
      if (domain.domain != RaplDomain::kCore) {
        host->AddCounter(domain, p, -1, group);
        continue;
      }
      for (size_t core = 0; core < package.cores.size(); ++core) {
        host->AddCounter(domain, p, static_cast<int>(core), group);
      }
    }
  }
  host->due_.reserve(host->groups_.size());

  const bool amd = used.cpu->amd();
  host->constants_[kMicrocodeRevision] = uint64_t{1} << (amd ? 0 : 32);
  host->constants_[amd ? kAmdRaplPowerUnit : kMsrRaplPowerUnit] = used.cpu->power_unit;
  for (const MsrAddress address : used.cpu->zero_registers) host->constants_[address] = 0;
  for (const DomainProfile& domain : used.cpu->domains) host->constants_.try_emplace(domain.energy_status, 0);
  if (!used.read_log.empty()) {
    host->read_log_.reset(std::fopen(used.read_log.c_str(), "we"));
    if (host->read_log_ == nullptr) {
      const int error = errno;
      return PosixError(error, absl::StrCat("write ", used.read_log));
    }
    std::fputs("t_ns,cpu,register,value,error\n", host->read_log_.get());
  }
  if (!amd) {
    for (const MsrAddress address : {kPkgCstConfig, kPkgPerfStatus, kDramPerfStatus}) host->constants_[address] = 0;
    host->constants_[kPlatformInfo] = kPlatformInfoValue;
    if (used.cpu->atom_bus_clock()) host->constants_[kFsbFrequency] = 0;
    // Thermal design power, in power units of 2^-PU W (Silvermont: 2^PU mW).
    const uint64_t pu = used.cpu->power_unit & 0xF;
    const auto tdp = static_cast<uint64_t>(used.cpu->tdp_w);
    const bool microjoules = (used.cpu->power_unit >> 8 & 0x1F) < 10;
    host->constants_[kMsrPkgPowerInfo] = microjoules ? tdp * 1000 >> pu : tdp << pu;
  }
  return host;
}

void EmulatedHost::MakePackages() {
  const auto packages = static_cast<size_t>(options_.packages);
  const auto dies = static_cast<size_t>(options_.dies);
  // AMD's counters are the socket's, however many dies it has.
  const size_t units_per_package = options_.cpu->amd() ? 1 : dies;
  packages_.resize(packages * units_per_package);
  const auto id = [this](size_t index) { return static_cast<int>(index) * (options_.sparse_ids ? 2 : 1); };
  for (size_t i = 0; i < options_.cores.size(); ++i) {
    // Which package and die: in turn, package by package; or in blocks.
    const size_t block = options_.cores.size() > 0 ? i * packages * dies / options_.cores.size() : 0;
    const size_t package_index = options_.interleaved ? i % packages : block / dies;
    const size_t die_index = options_.interleaved ? i / packages % dies : block % dies;
    const size_t unit = package_index * units_per_package + (units_per_package == 1 ? 0 : die_index);
    Package& package = packages_[unit];
    package.power = &options_.power[options_.power.size() == 1 ? 0 : package_index];
    package.package_id = id(package_index);
    package.die_id = units_per_package == 1 ? 0 : id(die_index);
    const int core = static_cast<int>(package.cores.size());
    package.cores.push_back(
        {.core_id = options_.sparse_ids ? SparseCoreId(core) : core, .cpus = options_.cores[i].cpus});
    package.core_die_ids.push_back(id(die_index));
    for (const int cpu : options_.cores[i].cpus) {
      package.cpus.push_back(cpu);
      package_of_cpu_[cpu] = unit;
    }
  }
  for (Package& package : packages_) std::sort(package.cpus.begin(), package.cpus.end());
}

// ---- counters ----

bool EmulatedHost::Online(int cpu) const {
  return std::none_of(options_.faults.begin(), options_.faults.end(), [&](const Fault& fault) {
    return fault.kind == Fault::Kind::kOffline && fault.cpu == cpu && InForce(fault);
  });
}

std::vector<int> EmulatedHost::OnlineOf(const std::vector<int>& cpus) const {
  std::vector<int> online;
  std::copy_if(cpus.begin(), cpus.end(), std::back_inserter(online), [this](int cpu) { return Online(cpu); });
  return online;
}

int64_t EmulatedHost::BusyNs(const std::vector<int>& cpus, int64_t instant_ns) {
  if (options_.busy == nullptr) return 0;
  int64_t sum_ns = 0;
  for (const int cpu : cpus) sum_ns += options_.busy->BusyNs(cpu, instant_ns) - busy_at_start_ns_[cpu];
  return sum_ns;
}

void EmulatedHost::Update(Counter& counter, int64_t instant_ns) {
  const Package& package = packages_[counter.package];
  const PowerSpec& power = *package.power;
  const int64_t t_ns = instant_ns - start_ns_;
  const std::vector<int>& cpus =
      counter.core < 0 ? package.cpus : package.cores[static_cast<size_t>(counter.core)].cpus;
  const int64_t busy_ns = BusyNs(cpus, instant_ns);
  ExactEnergy energy = 0;
  switch (counter.profile->domain) {
    case RaplDomain::kPackage:
      energy = power.Energy(t_ns, busy_ns);
      break;
    case RaplDomain::kCores:
      energy = power.EnergyAboveBase(t_ns, busy_ns) * kCoresPercent / 100;
      break;
    case RaplDomain::kUncore:
      energy = EnergyOf(kUncoreUw, t_ns);
      break;
    case RaplDomain::kDram:
      energy = options_.dram.Energy(t_ns, busy_ns, power.Energy(t_ns, busy_ns));
      break;
    case RaplDomain::kPsys:
      energy = EnergyOf(kBoardUw, t_ns);
      for (const Package& each : packages_) {
        const int64_t each_busy_ns = BusyNs(each.cpus, instant_ns);
        const ExactEnergy used = each.power->Energy(t_ns, each_busy_ns);
        energy += used + options_.dram.Energy(t_ns, each_busy_ns, used);
      }
      break;
    case RaplDomain::kCore:
      // Of a power that does not follow the load, each core gets the same part.
      energy = power.follows_load()
                   ? EnergyOf(power.busy_cpu_uw(), busy_ns) * kCoresPercent / 100
                   : power.EnergyAboveBase(t_ns, 0) * kCoresPercent / 100 / static_cast<int64_t>(package.cores.size());
      break;
  }
  counter.busy_ns = busy_ns;
  counter.last_update_ns = instant_ns;
  counter.ticks.store(counter.profile->tick.WholeTicks(energy), std::memory_order_release);
}

void EmulatedHost::CatchUp() {
  const int64_t now_ns = options_.clock->NowNs();
  if (now_ns < next_update_ns_.load(std::memory_order_acquire)) return;
  const std::lock_guard lock(mutex_);
  int64_t next_ns = std::numeric_limits<int64_t>::max();
  due_.clear();
  for (Group& group : groups_) {
    // While frozen, the last update is the last one before the freeze.
    int64_t until_ns = now_ns;
    for (const Fault& fault : options_.faults) {
      if (fault.kind != Fault::Kind::kFreeze || !fault.At(now_ns - start_ns_) ||
          !Concerns(fault, group.package, group.counters.front()->profile->energy_status)) {
        continue;
      }
      until_ns = std::min(until_ns, start_ns_ + fault.from_ns - 1);
    }
    const int64_t index = group.schedule.LastIndex(until_ns);
    if (index > group.index) {
      group.index = index;
      due_.emplace_back(group.schedule.Instant(index), &group);
    }
    next_ns = std::min(next_ns, group.schedule.Instant(group.index + 1));
  }
  // In the order of time, since busy time is only known forwards.
  std::sort(due_.begin(), due_.end());
  for (const auto& [instant_ns, group] : due_) {
    for (Counter* counter : group->counters) {
      counter->updates.store(group->index + 1, std::memory_order_relaxed);
      Update(*counter, instant_ns);
    }
  }
  next_update_ns_.store(next_ns, std::memory_order_release);
}

uint64_t EmulatedHost::Show(Counter& counter) {
  CatchUp();
  const uint64_t shown = counter.Register();
  const uint64_t ticks = shown - counter.start;
  if (counter.reads.fetch_add(1, std::memory_order_relaxed) == 0) counter.first_read_ticks = ticks;
  counter.last_read_ticks.store(ticks, std::memory_order_relaxed);
  const uint64_t low = shown & 0xFFFF'FFFF;
  switch (options_.cpu->high_half) {
    case HighHalf::kZero:
      return low;
    case HighHalf::kCounts:
      return shown;
    case HighHalf::kOther:
      return low | static_cast<uint64_t>(counter.updates.load(std::memory_order_relaxed) | 1) << 32;
  }
  return low;
}

int EmulatedHost::Open(int cpu) { return Online(cpu) ? 0 : ENXIO; }

RegisterRead EmulatedHost::Read(int cpu, MsrAddress address) {
  if (read_log_ == nullptr) return ReadRegister(cpu, address);
  const int64_t t_ns = options_.clock->NowNs() - start_ns_;
  const RegisterRead read = ReadRegister(cpu, address);
  absl::FPrintF(read_log_.get(), "%d,%d,0x%x,0x%x,%d\n", t_ns, cpu, address, read.value, read.error);
  return read;
}

RegisterRead EmulatedHost::ReadRegister(int cpu, MsrAddress address) {
  const auto package = package_of_cpu_.find(cpu);
  if (package == package_of_cpu_.end() || !Online(cpu)) return {.value = 0, .error = ENXIO};
  RegisterRead read;
  if (const auto counter = counter_at_.find({cpu, address}); counter != counter_at_.end()) {
    read.value = Show(*counter->second);
  } else if (address == kTimeStampCounter) {
    read.value = __rdtsc();
  } else if (const auto constant = constants_.find(address); constant != constants_.end()) {
    read.value = constant->second;
  } else {
    return {.value = 0, .error = EIO};
  }
  read.error = ApplyFaults(package->second, address, read.value);
  return read;
}

void EmulatedHost::Poll() {
  if (options_.busy == nullptr) return;
  options_.busy->Poll();
  CatchUp();
}

}  // namespace vrapl
