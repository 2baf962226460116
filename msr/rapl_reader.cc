#include "msr/rapl_reader.h"

#include <algorithm>
#include <cerrno>
#include <set>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/counter_source.h"
#include "base/topology.h"
#include "msr/energy_unit.h"
#include "msr/msr_device.h"

namespace vrapl {
namespace {

constexpr RaplDomain kPackageWide[] = {RaplDomain::kPackage, RaplDomain::kCores, RaplDomain::kUncore, RaplDomain::kDram,
                                       RaplDomain::kPsys};

// A counter moves every millisecond, so that it shows 0 twice when it does not count, or once in four billion updates.
constexpr int64_t kProbePauseNs = 3 * kNanosPerMilli;

const char* RegisterName(MsrAddress address) {
  switch (address) {
    case kMsrRaplPowerUnit:
      return "MSR_RAPL_POWER_UNIT";
    case kMsrPkgEnergyStatus:
      return "MSR_PKG_ENERGY_STATUS";
    case kMsrDramEnergyStatus:
      return "MSR_DRAM_ENERGY_STATUS";
    case kMsrPp0EnergyStatus:
      return "MSR_PP0_ENERGY_STATUS";
    case kMsrPp1EnergyStatus:
      return "MSR_PP1_ENERGY_STATUS";
    case kMsrPlatformEnergyStatus:
      return "MSR_PLATFORM_ENERGY_STATUS";
    case kAmdRaplPowerUnit:
      return "AMD RAPL_PWR_UNIT";
    case kAmdCoreEnergyStatus:
      return "AMD CORE_ENERGY_STAT";
    case kAmdPkgEnergyStatus:
      return "AMD PKG_ENERGY_STAT";
    default:
      return "MSR";
  }
}

std::string Origin(MsrAddress address, int cpu) {
  return absl::StrFormat("%s (0x%x) of CPU %d", RegisterName(address), address, cpu);
}

// A register that may hold a domain's energy, and the CPUs that can read it.
struct Candidate {
  DomainId id;
  MsrAddress address = 0;
  std::vector<int> cpus;
};

// In the order in which they are read and reported: the package first.
std::vector<Candidate> Candidates(const PackageTopology& package, const RaplModel& model, bool per_core) {
  std::vector<Candidate> candidates;
  for (const RaplDomain domain : kPackageWide) {
    const std::optional<MsrAddress> address = EnergyStatusRegister(model.vendor, domain);
    if (model.Has(domain) && address)
      candidates.push_back({.id = {domain}, .address = *address, .cpus = package.to_read_on()});
  }
  if (!per_core || !model.Has(RaplDomain::kCore)) return candidates;
  for (const PhysicalCore& core : package.cores) {
    candidates.push_back({.id = {RaplDomain::kCore, core.core_id}, .address = kAmdCoreEnergyStatus, .cpus = core.cpus});
  }
  return candidates;
}

// One domain being probed: the CPU's device stays open from the first read to the second.
struct Trial {
  absl::StatusOr<MsrDevice> device;
  absl::StatusOr<uint64_t> first;
};

absl::StatusOr<uint64_t> ReadOn(const absl::StatusOr<MsrDevice>& device, MsrAddress address) {
  if (!device.ok()) return device.status();
  return device->Read(address);
}

bool IsZero(const absl::StatusOr<uint64_t>& status) { return status.ok() && static_cast<uint32_t>(*status) == 0; }

void ProbeDomains(const HostRoot& host_root, const Clock& clock, const std::vector<Candidate>& candidates,
                  const EnergyUnits& units, PackageProbe& probe) {
  std::vector<Trial> trials;
  bool any_zero = false;
  for (const Candidate& candidate : candidates) {
    Trial trial{.device = MsrDevice::Open(host_root, candidate.cpus.front()), .first = uint64_t{0}};
    trial.first = ReadOn(trial.device, candidate.address);
    any_zero |= IsZero(trial.first);
    trials.push_back(std::move(trial));
  }
  if (any_zero) clock.SleepUntil(clock.NowNs() + kProbePauseNs);

  std::set<DomainId> seen;
  for (size_t i = 0; i < candidates.size(); ++i) {
    const Candidate& candidate = candidates[i];
    DomainProbe domain{.id = candidate.id,
                       .present = false,
                       .why = "",
                       .origin = Origin(candidate.address, candidate.cpus.front()),
                       .unit = units.For(candidate.id.domain),
                       .wrap_ticks = kRegisterWrap};
    const absl::StatusOr<uint64_t> status =
        IsZero(trials[i].first) ? ReadOn(trials[i].device, candidate.address) : trials[i].first;
    if (!status.ok()) {
      domain.why = std::string(status.status().message());
    } else if (IsZero(status)) {
      domain.why = "reads 0: nothing counts here";
    } else if (!seen.insert(candidate.id).second) {
      domain.why = "another core of the package has the same core_id";
    } else {
      domain.present = true;
    }
    probe.domains.push_back(std::move(domain));
  }
}

PackageProbe ProbePackage(const HostRoot& host_root, const MsrOptions& options, const RaplModel& model,
                          const PackageTopology& package) {
  PackageProbe probe{.package_id = package.package_id,
                     .die_id = package.die_id,
                     .reader_cpu = package.reader_cpu(),
                     .why_reader_cpu = WhyReadOn(package.reader_cpu(), package.cpus, package.kept_clear),
                     .cpus = package.cpus,
                     .domains = {},
                     .note = "",
                     .usable = absl::OkStatus()};
  const absl::StatusOr<MsrDevice> device = MsrDevice::Open(host_root, package.reader_cpu());
  const MsrAddress unit_register = PowerUnitRegister(model.vendor);
  const absl::StatusOr<uint64_t> power_unit = ReadOn(device, unit_register);
  if (!power_unit.ok()) {
    probe.usable = power_unit.status();
    return probe;
  }
  probe.note = absl::StrFormat("%s = 0x%x", RegisterName(unit_register), *power_unit);
  const absl::StatusOr<EnergyUnits> units = DecodeEnergyUnits(*power_unit, model);
  if (!units.ok()) {
    probe.usable = units.status();
    return probe;
  }
  ProbeDomains(host_root, *options.clock, Candidates(package, model, options.per_core), *units, probe);
  const auto package_domain = std::find_if(probe.domains.begin(), probe.domains.end(), [](const DomainProbe& domain) {
    return domain.id.domain == RaplDomain::kPackage;
  });
  if (package_domain == probe.domains.end() || !package_domain->present) {
    probe.usable = absl::UnimplementedError(
        absl::StrCat("package ", package.package_id, " has no package energy: ",
                     package_domain == probe.domains.end() ? "not in the CPU table" : package_domain->why));
  }
  return probe;
}

// A register and the device it is read through; when the CPU goes offline, another of the same register takes over.
class RegisterReader {
 public:
  RegisterReader(MsrDevice device, MsrAddress address, std::vector<int> cpus)
      : device_(std::move(device)), address_(address), cpus_(std::move(cpus)) {
    cpus_.reserve(kMaxCpus);
  }

  int Read(uint64_t& value) {
    const int error = device_.TryRead(address_, value);
    return error == ENXIO ? ReadElsewhere(value) : error;
  }
  int cpu() const { return device_.cpu(); }
  void CoverCpus(absl::Span<const int> cpus) {
    if (cpus.empty() || cpus.size() > cpus_.capacity()) return;
    cpus_.assign(cpus.begin(), cpus.end());
    // The best of them, though the one it is on may still do: that is all it costs to leave a CPU that is kept clear.
    if (device_.cpu() != cpus_.front()) device_.Reopen(cpus_.front());
    next_ = 0;
  }

 private:
  // One other CPU for each failed read: constant work, and in the end every CPU has had its turn.
  int ReadElsewhere(uint64_t& value) {
    next_ = (next_ + 1) % cpus_.size();
    if (device_.Reopen(cpus_[next_]) != 0) return ENXIO;
    return device_.TryRead(address_, value);
  }

  static constexpr size_t kMaxCpus = 1024;  // of one package: room, so that CoverCpus() allocates nothing

  MsrDevice device_;
  MsrAddress address_;
  std::vector<int> cpus_;
  size_t next_ = 0;
};

class MsrSource final : public CounterSource {
 public:
  static absl::StatusOr<std::unique_ptr<EnergySource>> Create(const HostRoot& host_root, const Clock& clock,
                                                              const std::vector<Candidate>& candidates,
                                                              const PackageProbe& probe) {
    std::unique_ptr<MsrSource> source(new MsrSource(clock, DescribePackage(probe)));
    for (size_t i = 0; i < candidates.size(); ++i) {
      const DomainProbe& domain = probe.domains[i];
      if (!domain.present) continue;
      const Candidate& candidate = candidates[i];
      absl::StatusOr<MsrDevice> device = MsrDevice::Open(host_root, candidate.cpus.front());
      if (!device.ok()) return device.status();
      RegisterReader reader(*std::move(device), candidate.address, candidate.cpus);
      uint64_t first = 0;
      if (const int error = reader.Read(first); error != 0) {
        return PosixError(error, absl::StrCat("read ", domain.origin));
      }
      if (absl::Status added = source->AddCounter(DescribeDomain(domain), first); !added.ok()) return added;
      source->readers_.push_back(std::move(reader));
    }
    return source;
  }

  absl::string_view backend() const override { return "msr"; }

  int Peek(size_t domain, uint64_t& raw) override {
    const int error = readers_[domain].Read(raw);
    raw = static_cast<uint32_t>(raw);  // the rest is reserved
    return error;
  }

  void CoverCpus(absl::Span<const int> cpus) override {
    // A core's own register is on that core's CPUs alone.
    for (size_t i = 0; i < readers_.size(); ++i) {
      if (package().domains[i].id.domain != RaplDomain::kCore) readers_[i].CoverCpus(cpus);
    }
  }

 private:
  using CounterSource::CounterSource;

  void ReadRaw(absl::Span<uint64_t> raw, absl::Span<int32_t> error) override {
    for (size_t i = 0; i < readers_.size(); ++i) error[i] = readers_[i].Read(raw[i]);
    mutable_package().reader_cpu = readers_.front().cpu();
  }

  std::vector<RegisterReader> readers_;
};

struct ProbedHost {
  MsrProbe probe;
  std::vector<PackageTopology> topology;  // of probe.packages
};

// No unit is guessed: by another model's rule the energy may be wrong by a factor of 16384 and look like energy.
absl::Status NoRow(const CpuModel& cpu) {
  if (const TpmiModel* tpmi = FindTpmiModel(cpu.vendor, cpu.family, cpu.model)) {
    return absl::UnimplementedError(
        absl::StrCat(DescribeCpu(cpu), " is ", tpmi->name,
                     ", which has no RAPL registers: its counters are behind TPMI, which the kernel reads (`modprobe "
                     "intel_rapl_tpmi`); then --backend=perf or --backend=sysfs"));
  }
  return absl::UnimplementedError(
      absl::StrCat("the CPU table has no row ", CpuId(cpu.family, cpu.model), " for ", DescribeCpu(cpu),
                   ", and its energy unit is not guessed; where the kernel knows it, --backend=perf or "
                   "--backend=sysfs can read it, and --cpu-table=FILE adds a row (docs/cpu-table.md)"));
}

absl::StatusOr<ProbedHost> ProbeHost(const HostRoot& host_root, const MsrOptions& options) {
  absl::StatusOr<CpuModel> cpu = ReadCpuModel(host_root);
  if (!cpu.ok()) return cpu.status();
  const RaplModel* model = options.cpu_table.Find(*cpu);
  if (model == nullptr) return NoRow(*cpu);
  absl::StatusOr<std::vector<PackageTopology>> topology = ReadTopology(host_root, cpu->vendor);
  if (!topology.ok()) return topology.status();

  ProbedHost host{.probe = {.cpu = *std::move(cpu), .model = model, .packages = {}, .cpu_table = ""},
                  .topology = *std::move(topology)};
  host.probe.cpu_table = options.cpu_table.Label(host.probe.cpu);
  for (const PackageTopology& package : host.topology) {
    host.probe.packages.push_back(ProbePackage(host_root, options, *model, package));
  }
  return host;
}

}  // namespace

absl::StatusOr<MsrProbe> ProbeMsr(const HostRoot& host_root, const MsrOptions& options) {
  absl::StatusOr<ProbedHost> host = ProbeHost(host_root, options);
  if (!host.ok()) return host.status();
  return std::move(host->probe);
}

absl::StatusOr<std::vector<std::unique_ptr<EnergySource>>> OpenMsrSources(const HostRoot& host_root,
                                                                          const MsrOptions& options) {
  const absl::StatusOr<ProbedHost> host = ProbeHost(host_root, options);
  if (!host.ok()) return host.status();
  std::vector<std::unique_ptr<EnergySource>> sources;
  for (size_t i = 0; i < host->topology.size(); ++i) {
    const PackageProbe& probe = host->probe.packages[i];
    if (!probe.usable.ok()) return probe.usable;
    absl::StatusOr<std::unique_ptr<EnergySource>> source = MsrSource::Create(
        host_root, *options.clock, Candidates(host->topology[i], *host->probe.model, options.per_core), probe);
    if (!source.ok()) return source.status();
    sources.push_back(*std::move(source));
  }
  return sources;
}

}  // namespace vrapl
