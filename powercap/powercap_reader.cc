#include "powercap/powercap_reader.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <map>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/counter_source.h"
#include "base/cpu_model.h"
#include "base/posix.h"
#include "base/topology.h"
#include "powercap/zones.h"

namespace vrapl {
namespace {

constexpr EnergyUnit kMicrojoule{1e-6};

// Reads a small file without allocating. Returns its size, or the errno, negative.
ssize_t ReadOpen(int fd, absl::Span<char> text) {
  ssize_t size = 0;
  do {
    size = ::pread(fd, text.data(), text.size(), 0);
  } while (size < 0 && errno == EINTR);
  return size < 0 ? -errno : size;
}

// An open energy_uj. Allocates nothing when read.
//
// When the last CPU of a package goes offline the kernel removes its zones, and their open files give ENODEV from then
// on; when one comes back, zones are made anew. Read() then looks for the file again, and takes it if the zone, and the
// one it lies in, still have the names they had: the numbers in paths are given out anew and mean nothing.
class ZoneFile {
 public:
  static absl::StatusOr<ZoneFile> Open(const std::string& path) {
    UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (fd.ok()) return ZoneFile(path, std::move(fd));
    const int error = errno;
    if (error == EACCES || error == EPERM) {
      return PosixError(error, absl::StrCat("open ", path,
                                            " (since Linux 5.10 only root may read energy: run as root, or let root "
                                            "`chmod a+r` it; CVE-2020-8694 says why it is closed)"));
    }
    return PosixError(error, absl::StrCat("open ", path));
  }

  // Returns 0, or the errno and leaves `value` as it was; EBADMSG for a text that is no number.
  int Read(uint64_t& value) {
    std::array<char, 32> text;
    ssize_t size = ReadOpen(fd_.get(), absl::MakeSpan(text));
    if (size == -ENODEV && Reopen()) size = ReadOpen(fd_.get(), absl::MakeSpan(text));
    if (size < 0) return static_cast<int>(-size);
    uint64_t number = 0;
    const char* const end = text.data() + size;
    const std::from_chars_result parsed = std::from_chars(text.data(), end, number);
    if (parsed.ec != std::errc() || (parsed.ptr != end && *parsed.ptr != '\n')) return EBADMSG;
    value = number;
    return 0;
  }

 private:
  struct Name {
    std::string path;
    std::string text;
  };

  ZoneFile(const std::string& path, UniqueFd fd) : path_(path), fd_(std::move(fd)) {
    const std::string zone = path.substr(0, path.rfind('/'));
    // "intel-rapl:0:1" lies in "intel-rapl:0", side by side with it in the class directory.
    const std::string parent = zone.substr(0, zone.rfind(':'));
    for (const std::string& directory : {zone, parent}) {
      const std::string file = absl::StrCat(directory, "/name");
      if (absl::StatusOr<std::string> text = ReadSmallFile(file); text.ok()) names_.push_back({file, *text});
    }
  }

  bool Reopen() {
    for (const Name& name : names_) {
      const UniqueFd fd(::open(name.path.c_str(), O_RDONLY | O_CLOEXEC));
      std::array<char, 64> text;
      const ssize_t size = fd.ok() ? ReadOpen(fd.get(), absl::MakeSpan(text)) : -1;
      if (size < 0 || absl::StripTrailingAsciiWhitespace({text.data(), static_cast<size_t>(size)}) !=
                          absl::StripTrailingAsciiWhitespace(name.text)) {
        return false;
      }
    }
    UniqueFd fd(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd.ok()) return false;
    fd_ = std::move(fd);
    return true;
  }

  std::string path_;
  UniqueFd fd_;
  std::vector<Name> names_;
};

DomainProbe ProbeZone(const Zone& zone, const DomainId& id, absl::Status& permission) {
  DomainProbe domain{.id = id,
                     .present = false,
                     .why = "",
                     .origin = absl::StrCat(zone.path, "/energy_uj"),
                     .unit = kMicrojoule,
                     .wrap_ticks = 0};
  const absl::StatusOr<int64_t> max_range_uj = ReadNumberFile(absl::StrCat(zone.path, "/max_energy_range_uj"));
  if (!max_range_uj.ok() || *max_range_uj <= 0) {
    domain.why =
        absl::StrCat("without its range a wraparound would look like anything: ",
                     max_range_uj.ok() ? "max_energy_range_uj is not positive" : max_range_uj.status().message());
    if (absl::IsPermissionDenied(max_range_uj.status())) permission = max_range_uj.status();
    return domain;
  }
  domain.wrap_ticks = ZoneWrapMicrojoules(static_cast<uint64_t>(*max_range_uj));
  absl::StatusOr<ZoneFile> file = ZoneFile::Open(domain.origin);
  if (!file.ok()) {
    domain.why = std::string(file.status().message());
    if (absl::IsPermissionDenied(file.status())) permission = file.status();
    return domain;
  }
  uint64_t energy_uj = 0;
  if (const int error = file->Read(energy_uj); error != 0) {
    domain.why = std::string(PosixError(error, absl::StrCat("read ", domain.origin)).message());
    return domain;
  }
  domain.present = true;
  return domain;
}

bool PerSocket(CpuVendor vendor) { return vendor == CpuVendor::kAmd || vendor == CpuVendor::kHygon; }

// The zones of one package, and the online CPUs it covers.
PackageProbe ProbePackage(CpuVendor vendor, int package_id, int die_id, const std::vector<const Zone*>& zones,
                          const std::vector<PackageTopology>& topology) {
  PackageProbe probe;
  probe.package_id = package_id;
  probe.die_id = std::max(die_id, 0);
  const PhysicalCore* first_core = nullptr;
  std::vector<int> kept_clear;
  for (const PackageTopology& covered : topology) {
    if (covered.package_id != package_id || (die_id >= 0 && covered.die_id != die_id)) continue;
    if (probe.cpus.empty() || covered.cpus.front() < *std::min_element(probe.cpus.begin(), probe.cpus.end())) {
      first_core = &covered.cores.front();
    }
    probe.cpus.insert(probe.cpus.end(), covered.cpus.begin(), covered.cpus.end());
    kept_clear.insert(kept_clear.end(), covered.kept_clear.begin(), covered.kept_clear.end());
  }
  if (probe.cpus.empty()) {
    probe.usable = absl::NotFoundError(
        absl::StrCat("zone ", zones.front()->path, " is of package ", package_id, ", which has no online CPU"));
    return probe;
  }
  // A zone of the whole package, where there are several dies: all of them are its own.
  const auto dies = std::count_if(topology.begin(), topology.end(), [package_id](const PackageTopology& covered) {
    return covered.package_id == package_id;
  });
  if (die_id < 0 && dies > 1) probe.die_id = kAllDies;
  std::sort(probe.cpus.begin(), probe.cpus.end());
  probe.reader_cpu = HousekeepingFirst(probe.cpus, kept_clear).front();
  probe.why_reader_cpu = WhyReadOn(probe.reader_cpu, probe.cpus, kept_clear);

  absl::Status permission;
  for (const Zone* zone : zones) {
    DomainId id{zone->domain};
    if (zone->domain == RaplDomain::kCores && PerSocket(vendor)) id = {RaplDomain::kCore, first_core->core_id};
    DomainProbe domain = ProbeZone(*zone, id, permission);
    for (const DomainProbe& other : probe.domains) {
      if (other.id == id && domain.present) {
        domain.present = false;
        domain.why = absl::StrCat("the same domain as ", other.origin);
      }
    }
    probe.domains.push_back(std::move(domain));
  }
  std::stable_sort(probe.domains.begin(), probe.domains.end(),
                   [](const DomainProbe& a, const DomainProbe& b) { return a.id < b.id; });
  // The package comes first: a package without a zone of its own is none.
  if (!permission.ok()) {
    probe.usable = permission;
  } else if (!probe.domains.front().present) {
    probe.usable = absl::UnimplementedError(
        absl::StrCat("package ", package_id, " has no package energy: ", probe.domains.front().why));
  }
  return probe;
}

class PowercapSource final : public CounterSource {
 public:
  static absl::StatusOr<std::unique_ptr<EnergySource>> Create(const PackageProbe& probe, const Clock& clock) {
    std::unique_ptr<PowercapSource> source(new PowercapSource(clock, DescribePackage(probe)));
    for (const DomainProbe& domain : probe.domains) {
      if (!domain.present) continue;
      absl::StatusOr<ZoneFile> file = ZoneFile::Open(domain.origin);
      if (!file.ok()) return file.status();
      uint64_t first = 0;
      if (const int error = file->Read(first); error != 0) {
        return PosixError(error, absl::StrCat("read ", domain.origin));
      }
      if (absl::Status added = source->AddCounter(DescribeDomain(domain), first); !added.ok()) return added;
      source->files_.push_back(*std::move(file));
    }
    return source;
  }

  absl::string_view backend() const override { return "sysfs"; }

  int Peek(size_t domain, uint64_t& raw) override { return files_[domain].Read(raw); }

  // The driver reads each register on a CPU of its own choice; near to that is any of the package.
  void CoverCpus(absl::Span<const int> cpus) override {
    if (!cpus.empty()) mutable_package().reader_cpu = cpus.front();
  }

 private:
  using CounterSource::CounterSource;

  void ReadRaw(absl::Span<uint64_t> raw, absl::Span<int32_t> error) override {
    for (size_t i = 0; i < files_.size(); ++i) error[i] = files_[i].Read(raw[i]);
  }

  std::vector<ZoneFile> files_;
};

}  // namespace

uint64_t ZoneWrapMicrojoules(uint64_t max_energy_range_uj) {
  const auto range_nj = static_cast<long double>(max_energy_range_uj) * 1000;
  const long double unit_nj = std::round(range_nj / ((uint64_t{1} << 32) - 1));
  // A counter of less than a microjoule still has one value more than its largest.
  return max_energy_range_uj + std::max<uint64_t>(1, static_cast<uint64_t>(std::llround(unit_nj / 1000)));
}

absl::StatusOr<std::vector<PackageProbe>> ProbePowercap(const HostRoot& host_root) {
  const absl::StatusOr<std::vector<Zone>> zones = FindZones(host_root);
  if (!zones.ok()) return zones.status();
  const absl::StatusOr<CpuModel> cpu = ReadCpuModel(host_root);
  if (!cpu.ok()) return cpu.status();
  const absl::StatusOr<std::vector<PackageTopology>> topology = ReadTopology(host_root, cpu->vendor);
  if (!topology.ok()) return topology.status();

  std::map<std::pair<int, int>, std::vector<const Zone*>> packages;
  for (const Zone& zone : *zones) {
    if (zone.domain == RaplDomain::kPackage) packages[{zone.package_id, zone.die_id}];
  }
  if (PerSocket(cpu->vendor)) {
    // The dies of a socket show one counter: only the lowest of each package stays.
    for (auto it = packages.begin(); it != packages.end();) {
      const auto next = std::next(it);
      if (next == packages.end() || next->first.first != it->first.first) {
        it = next;
      } else {
        packages.erase(next);
      }
    }
  }
  for (const Zone& zone : *zones) {
    // A psys at the top level has no die: it goes with the first of its package.
    const auto package = zone.domain == RaplDomain::kPsys ? packages.lower_bound({zone.package_id, -1})
                                                          : packages.find({zone.package_id, zone.die_id});
    if (package != packages.end() && package->first.first == zone.package_id) package->second.push_back(&zone);
  }

  std::vector<PackageProbe> probes;
  for (const auto& [ids, of_package] : packages) {
    const int die_id = PerSocket(cpu->vendor) ? -1 : ids.second;
    probes.push_back(ProbePackage(cpu->vendor, ids.first, die_id, of_package, *topology));
  }
  for (const PackageTopology& package : *topology) {
    const bool covered = std::any_of(probes.begin(), probes.end(), [&package](const PackageProbe& probe) {
      return std::find(probe.cpus.begin(), probe.cpus.end(), package.cpus.front()) != probe.cpus.end();
    });
    if (covered) continue;
    PackageProbe missing{.package_id = package.package_id,
                         .die_id = package.die_id,
                         .reader_cpu = package.reader_cpu(),
                         .why_reader_cpu = WhyReadOn(package.reader_cpu(), package.cpus, package.kept_clear),
                         .cpus = package.cpus,
                         .domains = {},
                         .note = "",
                         .usable = absl::UnimplementedError(absl::StrCat("package ", package.package_id, " die ",
                                                                         package.die_id, " has no powercap zone"))};
    probes.push_back(std::move(missing));
  }
  std::sort(probes.begin(), probes.end(), [](const PackageProbe& a, const PackageProbe& b) {
    return std::pair(a.package_id, a.die_id) < std::pair(b.package_id, b.die_id);
  });
  return probes;
}

absl::StatusOr<std::vector<std::unique_ptr<EnergySource>>> OpenPowercapSources(const HostRoot& host_root,
                                                                               const Clock& clock) {
  const absl::StatusOr<std::vector<PackageProbe>> probes = ProbePowercap(host_root);
  if (!probes.ok()) return probes.status();
  std::vector<std::unique_ptr<EnergySource>> sources;
  for (const PackageProbe& probe : *probes) {
    if (!probe.usable.ok()) return probe.usable;
    absl::StatusOr<std::unique_ptr<EnergySource>> source = PowercapSource::Create(probe, clock);
    if (!source.ok()) return source.status();
    sources.push_back(*std::move(source));
  }
  return sources;
}

}  // namespace vrapl
