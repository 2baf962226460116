#include "perf/perf_reader.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/cpu_model.h"
#include "base/posix.h"
#include "base/topology.h"
#include "perf/perf_counter.h"
#include "perf/perf_group.h"
#include "perf/power_pmu.h"

namespace vrapl {
namespace {

// One descriptor that is read, and the domains that come with it.
struct Part {
  PerfGroup group;
  std::vector<size_t> domains;  // of each member: its index in PackageProbe::domains
  std::vector<int> cpus;        // any of which can read it
  size_t next = 0;              // of cpus: tried last
};

struct OpenedPackage {
  PackageProbe probe;
  std::vector<Part> parts;  // the package's group first; empty when it is not usable
};

struct Host {
  HostRoot root;
  PerfOptions options;  // `events` is set
  CpuModel cpu;
  std::vector<PackageTopology> topology;
  PowerPmu pmu;
  absl::StatusOr<PowerPmu> core_pmu;  // the error when not asked for or not there
};

bool PerSocket(CpuVendor vendor) { return vendor == CpuVendor::kAmd || vendor == CpuVendor::kHygon; }

// The CPU to open on: the first of `cpus` that the PMU names. It names one of each package, or all of them; in both
// cases one is opened, or a package would count once for each of its CPUs.
std::optional<int> ReaderCpu(const PowerPmu& pmu, const std::vector<int>& cpus) {
  if (pmu.cpumask.empty()) return cpus.front();
  for (const int cpu : cpus) {
    if (std::find(pmu.cpumask.begin(), pmu.cpumask.end(), cpu) != pmu.cpumask.end()) return cpu;
  }
  return std::nullopt;
}

// Which CPUs one count covers. Where the PMU names one CPU of each die, a die, as ReadTopology() has it. Where it names
// several CPUs of a die, or none, its driver counts by package (TPMI), and each die would show all of the package.
std::vector<PackageTopology> ByScope(std::vector<PackageTopology> topology, const PowerPmu& pmu) {
  const auto by_die = [&pmu](const PackageTopology& die) {
    return std::count_if(pmu.cpumask.begin(), pmu.cpumask.end(), [&die](int cpu) {
             return std::find(die.cpus.begin(), die.cpus.end(), cpu) != die.cpus.end();
           }) == 1;
  };
  if (pmu.cpumask.empty() || std::all_of(topology.begin(), topology.end(), by_die)) return topology;
  std::vector<PackageTopology> packages;  // `topology` is sorted: the dies of a package stand together
  for (PackageTopology& die : topology) {
    if (packages.empty() || packages.back().package_id != die.package_id) {
      packages.push_back(std::move(die));
      continue;
    }
    PackageTopology& package = packages.back();
    package.die_id = -1;
    package.cpus.insert(package.cpus.end(), die.cpus.begin(), die.cpus.end());
    package.cores.insert(package.cores.end(), die.cores.begin(), die.cores.end());
    package.kept_clear.insert(package.kept_clear.end(), die.kept_clear.begin(), die.kept_clear.end());
    std::sort(package.cpus.begin(), package.cpus.end());
  }
  return packages;
}

DomainProbe Candidate(const PowerEvent& event, int core, int cpu) {
  return {.id = {event.domain, core},
          .present = event.usable.ok(),
          .why = std::string(event.usable.message()),
          .origin = absl::StrCat("perf ", event.name, " on CPU ", cpu),
          .unit = event.unit,
          .wrap_ticks = kPerfWrapTicks};
}

// Opens the events whose domains, from first_domain on, are present, the first as leader. What fails is noted; without
// leader or permission the package is not usable.
Part OpenPart(const Host& host, const std::vector<PowerEvent>& events, int cpu, const std::vector<int>& cpus,
              size_t first_domain, PackageProbe& probe) {
  Part part{.group = PerfGroup(*host.options.events, cpu), .domains = {}, .cpus = cpus};
  part.next = static_cast<size_t>(std::find(cpus.begin(), cpus.end(), cpu) - cpus.begin());
  bool hopeless = false;
  for (size_t i = 0; i < events.size(); ++i) {
    DomainProbe& domain = probe.domains[first_domain + i];
    if (!domain.present) continue;
    if (hopeless) {
      domain.present = false;
      domain.why = "not tried: the package cannot be opened";
      continue;
    }
    if (const int error = part.group.Add(events[i].event); error != 0) {
      const absl::Status status = PerfOpenError(error, events[i].name, cpu, host.root);
      domain.present = false;
      domain.why = std::string(status.message());
      hopeless = part.group.size() == 0;
      if (probe.usable.ok() && (hopeless || absl::IsPermissionDenied(status))) probe.usable = status;
      continue;
    }
    part.domains.push_back(first_domain + i);
  }
  if (hopeless || part.domains.empty()) return part;
  if (const int error = part.group.Start(); error != 0 && probe.usable.ok()) {
    probe.usable =
        PosixError(error, absl::StrCat("start the events ", events.front().name, " and others on CPU ", cpu));
  }
  return part;
}

// Which members of the group moved before `patience` was over; returns as soon as all that are `awaited` have.
std::vector<bool> WhichMove(PerfGroup& group, const Clock& clock, const std::vector<bool>& awaited) {
  std::vector<uint64_t> first(group.size());
  std::vector<uint64_t> values(group.size());
  std::vector<bool> moved(group.size());
  bool read = false;
  const int64_t start_ns = clock.NowNs();
  for (int64_t now_ns = start_ns; now_ns - start_ns <= absl::ToInt64Nanoseconds(kPerfAbsentAfter);
       now_ns += kNanosPerMilli) {
    if (group.Read(clock.NowNs(), absl::MakeSpan(values)) == 0) {
      if (!std::exchange(read, true)) first = values;
      bool all = true;
      for (size_t i = 0; i < values.size(); ++i) {
        moved[i] = moved[i] || values[i] != first[i];
        all = all && (moved[i] || !awaited[i]);
      }
      if (all) break;
    }
    clock.SleepUntil(now_ns + kNanosPerMilli);
  }
  return moved;
}

// Marks the domains that this package offers and does not count. The package itself is CheckMoving()'s question, and
// integrated graphics may sleep for longer than anybody would wait: the PMU offers them only where they have counted.
void FindStill(const Host& host, Part& part, PackageProbe& probe) {
  std::vector<bool> awaited;
  for (const size_t index : part.domains) {
    const RaplDomain domain = probe.domains[index].id.domain;
    awaited.push_back(domain != RaplDomain::kPackage && domain != RaplDomain::kUncore);
  }
  const std::vector<bool> moved = WhichMove(part.group, *host.options.clock, awaited);
  for (size_t i = 0; i < part.domains.size(); ++i) {
    if (!awaited[i] || moved[i]) continue;
    DomainProbe& domain = probe.domains[part.domains[i]];
    domain.present = false;
    domain.why =
        absl::StrCat("did not move in ", absl::FormatDuration(kPerfAbsentAfter), ": not counted on this package");
  }
}

// Each core apart: an event counts on its CPU, and so on one core, and a group has one CPU.
void OpenCores(const Host& host, const PackageTopology& topology, OpenedPackage& package) {
  PackageProbe& probe = package.probe;
  if (!host.core_pmu.ok()) {
    if (host.options.per_core) absl::StrAppend(&probe.note, "; no core energy: ", host.core_pmu.status().message());
    return;
  }
  for (const PhysicalCore& core : topology.cores) {
    const int cpu = ReaderCpu(*host.core_pmu, core.cpus).value_or(core.cpus.front());
    const size_t first_domain = probe.domains.size();
    DomainProbe domain = Candidate(host.core_pmu->events.front(), core.core_id, cpu);
    for (const DomainProbe& other : probe.domains) {
      if (other.id != domain.id) continue;
      domain.present = false;
      domain.why = "another core of the package has the same core_id";
    }
    probe.domains.push_back(std::move(domain));
    // A core that cannot be opened is missing; the package is usable without.
    const absl::Status usable = probe.usable;
    Part part = OpenPart(host, host.core_pmu->events, cpu, core.cpus, first_domain, probe);
    probe.usable = usable;
    if (part.group.size() > 0) package.parts.push_back(std::move(part));
  }
}

// `psys_at`: the package whose psys is taken, none so far. psys counts the platform: a second one would be the same
// again.
OpenedPackage OpenPackage(const Host& host, const PackageTopology& topology, std::optional<int>& psys_at) {
  OpenedPackage package;
  PackageProbe& probe = package.probe;
  probe.package_id = topology.package_id;
  probe.die_id = topology.die_id;
  probe.cpus = topology.cpus;
  probe.note = absl::StrCat("PMU ", host.pmu.name, ", type ", host.pmu.type,
                            host.pmu.cpumask.empty() ? "" : ", cpumask ", absl::StrJoin(host.pmu.cpumask, ","));
  const std::optional<int> cpu = ReaderCpu(host.pmu, topology.to_read_on());
  probe.reader_cpu = cpu.value_or(topology.reader_cpu());
  if (probe.reader_cpu != topology.reader_cpu()) {
    probe.why_reader_cpu = "the cpumask of the PMU names it";
    if (std::find(topology.kept_clear.begin(), topology.kept_clear.end(), probe.reader_cpu) !=
        topology.kept_clear.end()) {
      probe.why_reader_cpu += ", though it is kept clear (isolcpus, nohz_full); --backend=msr reads on another";
    }
  } else {
    probe.why_reader_cpu = WhyReadOn(probe.reader_cpu, topology.cpus, topology.kept_clear);
  }
  for (const PowerEvent& event : host.pmu.events) {
    DomainProbe domain = Candidate(event, /*core=*/-1, probe.reader_cpu);
    if (PerSocket(host.cpu.vendor) && event.domain != RaplDomain::kPackage) {
      domain.present = false;
      domain.why =
          "AMD counts the package and the cores only; kernels before 5.17 offer more here, which means nothing";
    } else if (event.domain == RaplDomain::kPsys && psys_at) {
      domain.present = false;
      domain.why = absl::StrCat("the platform is counted on package ", *psys_at);
    }
    probe.domains.push_back(std::move(domain));
  }
  if (!cpu) {
    probe.usable = absl::NotFoundError(absl::StrCat("the cpumask of the PMU ", host.pmu.name, " (",
                                                    absl::StrJoin(host.pmu.cpumask, ","), ") names no CPU of package ",
                                                    topology.package_id));
    return package;
  }
  if (!probe.domains.front().present) {
    probe.usable = absl::UnimplementedError(
        absl::StrCat("package ", topology.package_id, " has no package energy: ", probe.domains.front().why));
    return package;
  }

  Part part = OpenPart(host, host.pmu.events, *cpu, topology.to_read_on(), 0, probe);
  if (!probe.usable.ok()) return package;
  const size_t opened = part.domains.size();
  FindStill(host, part, probe);
  const auto present = [&probe](size_t index) { return probe.domains[index].present; };
  if (std::count_if(part.domains.begin(), part.domains.end(), present) < static_cast<std::ptrdiff_t>(opened)) {
    part = OpenPart(host, host.pmu.events, *cpu, topology.to_read_on(), 0, probe);  // without those that stand still
    if (!probe.usable.ok()) return package;
  }
  for (const size_t index : part.domains) {
    if (probe.domains[index].id.domain == RaplDomain::kPsys) psys_at = topology.package_id;
  }
  package.parts.push_back(std::move(part));
  OpenCores(host, topology, package);
  return package;
}

absl::StatusOr<std::vector<OpenedPackage>> OpenHost(const HostRoot& host_root, const PerfOptions& options) {
  if (host_root.emulated() && options.events == nullptr) {
    return absl::UnimplementedError(
        "perf counts on the running kernel, and this host root is another host's (an emulated host has no PMU)");
  }
  absl::StatusOr<PowerPmu> pmu = ReadPowerPmu(host_root);
  if (!pmu.ok()) return pmu.status();
  absl::StatusOr<CpuModel> cpu = ReadCpuModel(host_root);
  if (!cpu.ok()) return cpu.status();
  absl::StatusOr<std::vector<PackageTopology>> topology = ReadTopology(host_root, cpu->vendor);
  if (!topology.ok()) return topology.status();
  Host host{.root = host_root,
            .options = options,
            .cpu = *std::move(cpu),
            .topology = ByScope(*std::move(topology), *pmu),
            .pmu = *std::move(pmu),
            .core_pmu = options.per_core ? ReadPowerCorePmu(host_root) : absl::NotFoundError("not asked for")};
  if (host.options.events == nullptr) host.options.events = &KernelPerfEvents();
  std::vector<OpenedPackage> packages;
  std::optional<int> psys_at;
  for (const PackageTopology& package : host.topology) packages.push_back(OpenPackage(host, package, psys_at));
  return packages;
}

class PerfSource final : public EnergySource {
 public:
  static absl::StatusOr<std::unique_ptr<EnergySource>> Create(OpenedPackage opened, const Clock& clock) {
    const PackageProbe& probe = opened.probe;
    std::unique_ptr<PerfSource> source(new PerfSource(probe, clock));
    std::array<uint64_t, PerfGroup::kMaxEvents> first;
    for (Part& part : opened.parts) {
      const int64_t now_ns = clock.NowNs();
      if (const int error = part.group.Read(now_ns, absl::MakeSpan(first)); error != 0) {
        return PosixError(error, absl::StrCat("read ", probe.domains[part.domains.front()].origin));
      }
      for (size_t i = 0; i < part.domains.size(); ++i) {
        const DomainProbe& domain = probe.domains[part.domains[i]];
        source->counters_.emplace_back(
            first[i], now_ns, domain.unit,
            domain.id.domain == RaplDomain::kPsys ? GuardedCounter::kMaxPlatformWatts : GuardedCounter::kMaxWatts);
        source->package_.domains.push_back(
            {.id = domain.id, .unit = domain.unit, .wrap_ticks = domain.wrap_ticks, .origin = domain.origin});
      }
      source->parts_.push_back(std::move(part));
    }
    source->parts_.front().cpus.reserve(kMaxCpus);
    if (source->counters_.size() > kMaxDomains) {
      return absl::UnimplementedError(absl::StrCat("package ", probe.package_id, " has ", source->counters_.size(),
                                                   " domains; ", kMaxDomains, " is what a sample holds"));
    }
    source->raw_.resize(source->counters_.size());
    source->error_.resize(source->parts_.size());
    return source;
  }

  absl::string_view backend() const override { return "perf"; }
  const PackageInfo& package() const override { return package_; }

  void Read(EnergySample& sample) override {
    sample.before_ns = clock_.NowNs();
    size_t first = 0;
    for (size_t k = 0; k < parts_.size(); ++k) {
      error_[k] = parts_[k].group.Read(sample.before_ns, absl::MakeSpan(raw_).subspan(first));
      first += parts_[k].group.size();
    }
    sample.after_ns = clock_.NowNs();
    first = 0;
    for (size_t k = 0; k < parts_.size(); ++k) {
      const size_t end = first + parts_[k].group.size();
      for (size_t i = first; i < end; ++i) {
        sample.error[i] = error_[k] != 0 ? error_[k] : counters_[i].Advance(raw_[i], sample.after_ns);
        sample.ticks[i] = counters_[i].total().count;
      }
      if (error_[k] != 0) OpenElsewhere(parts_[k], first);
      first = end;
    }
    package_.reader_cpu = local_cpu_.value_or(parts_.front().group.cpu());
  }

  // The whole group is one read, whichever of its members is wanted.
  int Peek(size_t domain, uint64_t& raw) override {
    size_t first = 0;
    for (Part& part : parts_) {
      if (domain < first + part.group.size()) {
        const int error = part.group.Read(clock_.NowNs(), absl::MakeSpan(raw_).subspan(first));
        raw = raw_[domain];
        return error;
      }
      first += part.group.size();
    }
    return ENOENT;
  }

  void StartAnew() override {
    for (PerfCounter& counter : counters_) counter.Forget();
  }

  void CoverCpus(absl::Span<const int> cpus) override {
    // Where to go when the events end; the kernel has moved those of a CPU that left. A core's CPUs are not told apart
    // here.
    if (cpus.empty()) return;
    std::vector<int>& known = parts_.front().cpus;
    known.assign(cpus.begin(), cpus.begin() + static_cast<std::ptrdiff_t>(std::min(cpus.size(), known.capacity())));
    // Where the kernel moved the events is not told; any CPU of the package is near.
    const bool left = std::find(cpus.begin(), cpus.end(), parts_.front().group.cpu()) == cpus.end();
    local_cpu_ = left ? std::optional<int>(cpus.front()) : std::nullopt;
  }

 private:
  PerfSource(const PackageProbe& probe, const Clock& clock)
      : clock_(clock),
        package_{.package_id = probe.package_id,
                 .die_id = probe.die_id,
                 .reader_cpu = probe.reader_cpu,
                 .cpus = probe.cpus,
                 .domains = {}} {}

  static constexpr size_t kMaxCpus = 1024;  // of one package: room, so that CoverCpus() allocates nothing

  // On the next CPU of those that can read it: constant work for each failed read, and in the end each has had its
  // turn.
  void OpenElsewhere(Part& part, size_t first) {
    part.next = (part.next + 1) % part.cpus.size();
    if (part.group.Reopen(part.cpus[part.next]) != 0) return;
    // The new events count from 0 and from now on. What was used since the last good read, nobody counted: the next one
    // says so.
    for (size_t i = first; i < first + part.group.size(); ++i) counters_[i].Forget();
    local_cpu_.reset();
  }

  const Clock& clock_;
  PackageInfo package_;
  std::vector<Part> parts_;
  std::vector<PerfCounter> counters_;  // counters_ and raw_ go with package_.domains, parts_ one after the other
  std::vector<uint64_t> raw_;
  std::vector<int32_t> error_;    // of each part
  std::optional<int> local_cpu_;  // near to the counters, when the CPU they were opened on has left
};

}  // namespace

absl::StatusOr<std::vector<PackageProbe>> ProbePerf(const HostRoot& host_root, const PerfOptions& options) {
  absl::StatusOr<std::vector<OpenedPackage>> packages = OpenHost(host_root, options);
  if (!packages.ok()) return packages.status();
  std::vector<PackageProbe> probes;
  for (OpenedPackage& package : *packages) probes.push_back(std::move(package.probe));
  return probes;
}

absl::StatusOr<std::vector<std::unique_ptr<EnergySource>>> OpenPerfSources(const HostRoot& host_root,
                                                                           const PerfOptions& options) {
  absl::StatusOr<std::vector<OpenedPackage>> packages = OpenHost(host_root, options);
  if (!packages.ok()) return packages.status();
  std::vector<std::unique_ptr<EnergySource>> sources;
  for (OpenedPackage& package : *packages) {
    if (!package.probe.usable.ok()) return package.probe.usable;
    absl::StatusOr<std::unique_ptr<EnergySource>> source = PerfSource::Create(std::move(package), *options.clock);
    if (!source.ok()) return source.status();
    sources.push_back(*std::move(source));
  }
  return sources;
}

}  // namespace vrapl
