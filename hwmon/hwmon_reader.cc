#include "hwmon/hwmon_reader.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/posix.h"
#include "base/topology.h"
#include "hwmon/power_integral.h"
#include "hwmon/power_sensors.h"

namespace vrapl {
namespace {

constexpr EnergyUnit kMicrojoule{1e-6};
// The total is our own and has 64 bits: for people, as near to 2^64 as a uint64_t comes.
constexpr uint64_t kWrapTicks = UINT64_MAX;
// A reading that took this long keeps the next one away for kRestFor times as long.
constexpr int64_t kRestFor = 19;

// An open powerN_input. Allocates nothing when read.
class PowerFile {
 public:
  static absl::StatusOr<PowerFile> Open(const std::string& path) {
    UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    const int error = errno;
    if (!fd.ok()) return PosixError(error, absl::StrCat("open ", path));
    return PowerFile(std::move(fd));
  }

  // Microwatts. Returns 0, or the errno and leaves `value` as it was; EBADMSG for what is no number from 0 up.
  int Read(uint64_t& value) const {
    std::array<char, 32> text;
    ssize_t size = 0;
    do {
      size = ::pread(fd_.get(), text.data(), text.size(), 0);
    } while (size < 0 && errno == EINTR);
    if (size < 0) return errno;
    uint64_t number = 0;
    const char* const end = text.data() + size;
    const std::from_chars_result parsed = std::from_chars(text.data(), end, number);
    if (parsed.ec != std::errc() || (parsed.ptr != end && *parsed.ptr != '\n')) return EBADMSG;
    value = number;
    return 0;
  }

 private:
  explicit PowerFile(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

std::string Origin(const PowerSensors& sensors, RaplDomain domain) {
  constexpr absl::string_view kHow = ": power, integrated";
  switch (domain) {
    case RaplDomain::kCores:
      return absl::StrCat(sensors.cpu_input, kHow);
    case RaplDomain::kUncore:
      return absl::StrCat(sensors.io_input, kHow);
    default:
      return absl::StrCat("CPU and IO power of ", sensors.device, kHow);
  }
}

// In the order of PackageInfo::domains.
constexpr RaplDomain kDomains[] = {RaplDomain::kPackage, RaplDomain::kCores, RaplDomain::kUncore};
constexpr size_t kPackage = 0;
constexpr size_t kCpu = 1;
constexpr size_t kIo = 2;

class HwmonSource final : public EnergySource {
 public:
  HwmonSource(PowerFile cpu, PowerFile io, const PackageProbe& probe, const HwmonOptions& options)
      : clock_(*options.clock), poll_ns_(options.poll_ns), cpu_(std::move(cpu)), io_(std::move(io)) {
    package_.package_id = probe.package_id;
    package_.die_id = probe.die_id;
    package_.reader_cpu = probe.reader_cpu;
    package_.cpus = probe.cpus;
    package_.power_based = true;
    for (const DomainProbe& domain : probe.domains) {
      package_.domains.push_back(
          {.id = domain.id, .unit = domain.unit, .wrap_ticks = domain.wrap_ticks, .origin = domain.origin});
    }
  }

  absl::string_view backend() const override { return "hwmon"; }
  const PackageInfo& package() const override { return package_; }

  void Read(EnergySample& sample) override {
    sample.before_ns = clock_.NowNs();
    const bool due = sample.before_ns >= next_ns_;
    uint64_t cpu_uw = 0;
    uint64_t io_uw = 0;
    const int cpu_error = due ? cpu_.Read(cpu_uw) : 0;
    const int io_error = due ? io_.Read(io_uw) : 0;
    sample.after_ns = clock_.NowNs();
    if (due) {
      const int64_t took_ns = sample.after_ns - sample.before_ns;
      // A reading that was slow and good must not be left alone for so long that the next one finds a gap.
      const bool failed = cpu_error != 0 || io_error != 0;
      const int64_t rest_ns = failed ? kRestFor * took_ns : std::min(kRestFor * took_ns, PowerIntegral::kMaxGapNs / 2);
      next_ns_ = std::max(sample.before_ns + poll_ns_, sample.after_ns + rest_ns);
      const int64_t t_ns = sample.before_ns + took_ns / 2;
      error_[kCpu] = Count(integrals_[kCpu], cpu_error, cpu_uw, t_ns);
      error_[kIo] = Count(integrals_[kIo], io_error, io_uw, t_ns);
      error_[kPackage] = Count(integrals_[kPackage], cpu_error != 0 ? cpu_error : io_error, cpu_uw + io_uw, t_ns);
    }
    for (size_t i = 0; i < integrals_.size(); ++i) {
      sample.error[i] = error_[i];
      // Until the sensor is read again, one that failed has failed; that time of unknown energy has ended is said once.
      if (error_[i] == EOVERFLOW) error_[i] = 0;
      sample.ticks[i] = integrals_[i].total().count;
    }
  }

  void CoverCpus(absl::Span<const int> cpus) override {
    if (!cpus.empty()) package_.reader_cpu = cpus.front();
  }

  void StartAnew() override {
    for (PowerIntegral& integral : integrals_) integral.Break();
    next_ns_ = 0;  // at once, so that what came before is told apart
  }

 private:
  static int Count(PowerIntegral& integral, int error, uint64_t microwatts, int64_t t_ns) {
    if (error == 0) return integral.Advance(microwatts, t_ns);
    integral.Break();
    return error;
  }

  const Clock& clock_;
  int64_t poll_ns_;
  PowerFile cpu_;
  PowerFile io_;
  PackageInfo package_;
  std::array<PowerIntegral, std::size(kDomains)> integrals_;
  std::array<int, std::size(kDomains)> error_{};  // of the last look at the sensor
  int64_t next_ns_ = 0;
};

struct Opened {
  PackageProbe probe;
  absl::StatusOr<PowerFile> cpu;
  absl::StatusOr<PowerFile> io;
};

absl::Status TryReading(const absl::StatusOr<PowerFile>& file, const std::string& path) {
  if (!file.ok()) return file.status();
  uint64_t microwatts = 0;
  const int error = file->Read(microwatts);
  if (error == EBADMSG) return absl::FailedPreconditionError(absl::StrCat(path, " holds no power in microwatts"));
  if (error != 0) return PosixError(error, absl::StrCat("read ", path));
  return absl::OkStatus();
}

absl::StatusOr<Opened> OpenSensors(const HostRoot& host_root) {
  const absl::StatusOr<PowerSensors> sensors = FindPowerSensors(host_root);
  if (!sensors.ok()) return sensors.status();
  absl::StatusOr<std::vector<int>> cpus = ReadOnlineCpus(host_root);
  if (!cpus.ok()) return cpus.status();

  Opened opened{.probe = {}, .cpu = PowerFile::Open(sensors->cpu_input), .io = PowerFile::Open(sensors->io_input)};
  PackageProbe& probe = opened.probe;
  const std::vector<int> kept_clear = ReadKeptClearCpus(host_root);
  probe.reader_cpu = HousekeepingFirst(*cpus, kept_clear).front();
  probe.why_reader_cpu = WhyReadOn(probe.reader_cpu, *cpus, kept_clear);
  probe.cpus = *std::move(cpus);
  probe.note = "a sensor of power, integrated over time: no energy counter";
  const absl::Status cpu = TryReading(opened.cpu, sensors->cpu_input);
  const absl::Status io = TryReading(opened.io, sensors->io_input);
  probe.usable = cpu.ok() ? io : cpu;
  for (const RaplDomain domain : kDomains) {
    const absl::Status& status = domain == RaplDomain::kCores ? cpu : domain == RaplDomain::kUncore ? io : probe.usable;
    probe.domains.push_back({.id = {domain},
                             .present = status.ok(),
                             .why = std::string(status.message()),
                             .origin = Origin(*sensors, domain),
                             .unit = kMicrojoule,
                             .wrap_ticks = kWrapTicks});
  }
  return opened;
}

}  // namespace

absl::StatusOr<std::vector<PackageProbe>> ProbeHwmon(const HostRoot& host_root) {
  absl::StatusOr<Opened> opened = OpenSensors(host_root);
  if (!opened.ok()) return opened.status();
  return std::vector<PackageProbe>{std::move(opened->probe)};
}

absl::StatusOr<std::vector<std::unique_ptr<EnergySource>>> OpenHwmonSources(const HostRoot& host_root,
                                                                            const HwmonOptions& options) {
  absl::StatusOr<Opened> opened = OpenSensors(host_root);
  if (!opened.ok()) return opened.status();
  if (!opened->probe.usable.ok()) return opened->probe.usable;
  std::vector<std::unique_ptr<EnergySource>> sources;
  sources.push_back(
      std::make_unique<HwmonSource>(*std::move(opened->cpu), *std::move(opened->io), opened->probe, options));
  return sources;
}

}  // namespace vrapl
