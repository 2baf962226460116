#include "probe/cross_check.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <optional>
#include <thread>
#include <tuple>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "probe/sources.h"

namespace vrapl {
namespace {

// The period of a counter that moved too seldom, or too evenly with our reads, to tell its own.
constexpr double kUsualPeriodNs = 1e6;
// The highest power is looked for in pieces at least this long, so that one update more or less does not matter.
constexpr int64_t kPeakPieceNs = 20 * kNanosPerMilli;
// Known differences below this are not worth a word.
constexpr double kWorthNaming = 1e-5;

// Two packages under equal load do not differ by this factor in one domain...
constexpr double kImplausibleRatio = 10;
// ...where one of them uses at least this much, and their packages are at most this far apart.
constexpr double kImplausibleWatts = 20;
constexpr double kEqualLoad = 2;
constexpr double kMaxPackageWatts = 1000;  // without a TDP to judge by

// What one source showed of one counter.
struct Track {
  std::string source;
  DomainInfo info;
  UpdateEdges edges;
  bool any = false;
  int64_t first_before_ns = 0, first_after_ns = 0;
  int64_t last_before_ns = 0, last_after_ns = 0;
  uint64_t first_ticks = 0, last_ticks = 0;
  int64_t piece_ns = 0;
  uint64_t piece_ticks = 0;
  double peak_watts = 0;
  uint64_t failed = 0;

  void Add(int64_t before_ns, int64_t after_ns, uint64_t ticks) {
    edges.AddRead(before_ns, after_ns, ticks);
    if (!std::exchange(any, true)) {
      first_before_ns = before_ns, first_after_ns = after_ns, first_ticks = ticks;
      piece_ns = after_ns, piece_ticks = ticks;
    }
    last_before_ns = before_ns, last_after_ns = after_ns, last_ticks = ticks;
    if (before_ns - piece_ns >= kPeakPieceNs) {
      const double joules = static_cast<double>(ticks - piece_ticks) * info.unit.joules_per_tick;
      peak_watts = std::max(peak_watts, joules / (static_cast<double>(before_ns - piece_ns) * 1e-9));
      piece_ns = after_ns, piece_ticks = ticks;
    }
  }
  double first_ns() const { return 0.5 * static_cast<double>(first_before_ns + first_after_ns); }
  double last_ns() const { return 0.5 * static_cast<double>(last_before_ns + last_after_ns); }
  double joules() const { return static_cast<double>(last_ticks - first_ticks) * info.unit.joules_per_tick; }
  double seconds() const { return (last_ns() - first_ns()) * 1e-9; }
  double watts() const { return seconds() > 0 ? joules() / seconds() : 0; }
  double period_ns() const {
    const UpdateSummary summary = edges.Summary();
    if (summary.period_ns > 0) return static_cast<double>(summary.period_ns);
    return summary.edges > 0 ? std::max(kUsualPeriodNs, (last_ns() - first_ns()) / static_cast<double>(summary.edges))
                             : kUsualPeriodNs;
  }
};

using Key = std::tuple<int, int, DomainId>;  // package, die, domain

// powercap counts in the hardware's unit cut to whole nanojoules, and takes 15300 for the fixed 2^-16 J of servers'
// DRAM. Source: Linux drivers/powercap/intel_rapl_common.c, rapl_check_unit_core() and the DRAM unit of
// rapl_defaults_hsw_server.
struct KnownUnit {
  double error = 0;
  std::string why;
};
KnownUnit PowercapUnit(const DomainInfo& info) {
  // Its counter has 2^32 values of that unit.
  const double unit_nj = std::round(static_cast<double>(info.wrap_ticks) * 1000 / 4294967296.0);
  if (unit_nj == 15300) return {15300e-9 * 65536 - 1, "powercap takes 15300 nJ for DRAM's 2^-16 J"};
  for (int exponent = 10; exponent <= 19; ++exponent) {
    const double exact_nj = std::ldexp(1e9, -exponent);
    if (std::floor(exact_nj) != unit_nj || exact_nj == unit_nj) continue;
    return {unit_nj / exact_nj - 1, absl::StrFormat("powercap cuts 2^-%d J to %.0f nJ", exponent, unit_nj)};
  }
  return {};
}

KnownUnit KnownOf(const Track& track) { return track.source == "sysfs" ? PowercapUnit(track.info) : KnownUnit{}; }

CrossDifference Compare(const Track& reference, const Track& other) {
  CrossDifference found{.source = other.source, .reference = reference.source};
  const double peak = std::max(reference.peak_watts, other.peak_watts);
  const double reads_ns =
      std::abs(reference.first_ns() - other.first_ns()) + std::abs(reference.last_ns() - other.last_ns()) +
      static_cast<double>(reference.first_after_ns - reference.first_before_ns + reference.last_after_ns -
                          reference.last_before_ns + other.first_after_ns - other.first_before_ns +
                          other.last_after_ns - other.last_before_ns) /
          2;
  const double updates_ns = 2 * std::max(reference.period_ns(), other.period_ns());
  const double ticks_j = 2 * (reference.info.unit.joules_per_tick + other.info.unit.joules_per_tick);
  const double bound_j = peak * (reads_ns + updates_ns) * 1e-9 + ticks_j;
  const bool still = other.last_ticks == other.first_ticks;
  const bool reference_still = reference.last_ticks == reference.first_ticks;
  if (reference_still || still) {
    // Too little energy for either to show is no difference.
    found.flagged = reference_still != still && std::max(reference.joules(), other.joules()) > bound_j;
    found.difference = reference_still ? 0 : -1;
    found.bound = reference.joules() > 0 ? bound_j / reference.joules() : 0;
    if (found.flagged) {
      found.why = absl::StrCat(still ? other.source : reference.source,
                               " stands still while the other moves: a stale counter; reload its driver");
    }
    return found;
  }
  found.difference = other.joules() / reference.joules() - 1;
  found.bound = bound_j / reference.joules();
  const KnownUnit of_other = KnownOf(other);
  const KnownUnit of_reference = KnownOf(reference);
  found.known = (1 + of_other.error) / (1 + of_reference.error) - 1;
  if (std::abs(found.known) >= kWorthNaming) found.why = of_other.why.empty() ? of_reference.why : of_other.why;
  if (std::abs((1 + found.difference) / (1 + found.known) - 1) <= found.bound) return found;
  found.flagged = true;
  const double octaves = std::log2(1 + found.difference);
  if (std::abs(octaves) > 0.9 && std::abs(octaves - std::round(octaves)) < 0.05) {
    found.why = absl::StrFormat("a factor of 2^%.0f: one of them has the energy unit wrong (docs/rapl.md)", octaves);
  } else {
    found.why = "neither a known difference nor one of updates";
  }
  return found;
}

std::string PlaceName(const CrossDomain& domain) {
  return absl::StrCat("package ", domain.package_id, domain.die_id > 0 ? absl::StrCat(" die ", domain.die_id) : "", " ",
                      DomainName(domain.id));
}

const CrossReading* ReadingOf(const CrossDomain& domain, const std::string& source) {
  for (const CrossReading& reading : domain.readings) {
    if (reading.source == source) return &reading;
  }
  return nullptr;
}

// The power that `source` shows of a domain of a package or die.
std::optional<double> WattsOf(const CrossCheck& check, const std::string& source, const CrossDomain& place,
                              RaplDomain domain) {
  for (const CrossDomain& other : check.domains) {
    if (other.package_id != place.package_id || other.die_id != place.die_id || other.id.domain != domain) continue;
    if (const CrossReading* reading = ReadingOf(other, source)) return reading->watts;
  }
  return std::nullopt;
}

void JudgePower(const std::string& source, const std::map<int, ThermalPower>& thermal_power, CrossCheck& check) {
  for (const CrossDomain& domain : check.domains) {
    const CrossReading* reading = ReadingOf(domain, source);
    if (reading == nullptr || domain.id.domain == RaplDomain::kPsys) continue;
    const auto thermal = thermal_power.find(domain.package_id);
    const double most = thermal == thermal_power.end() ? kMaxPackageWatts : 2 * thermal->second.watts;
    if (reading->watts > most) {
      check.remarks.push_back(
          {absl::StrFormat("implausible: %s by %s uses %.1f W, more than %s", PlaceName(domain), source, reading->watts,
                           thermal == thermal_power.end()
                               ? absl::StrFormat("any (%.0f W)", kMaxPackageWatts)
                               : absl::StrFormat("twice its TDP of %.4g W", thermal->second.watts)),
           true});
    }
  }
}

// Parts that use more than the whole.
void JudgeParts(const std::string& source, CrossCheck& check) {
  double packages = 0;
  std::optional<double> psys;
  for (const CrossDomain& domain : check.domains) {
    const CrossReading* reading = ReadingOf(domain, source);
    if (reading == nullptr) continue;
    if (domain.id.domain == RaplDomain::kPsys && reading->watts > 0) psys = psys.value_or(0) + reading->watts;
    if (domain.id.domain != RaplDomain::kPackage) continue;
    packages += reading->watts;
    const double parts = WattsOf(check, source, domain, RaplDomain::kCores).value_or(0) +
                         WattsOf(check, source, domain, RaplDomain::kUncore).value_or(0);
    // A tenth is room for parts that are modelled and for updates at other instants.
    if (parts > 1.1 * reading->watts + 0.1) {
      check.remarks.push_back({absl::StrFormat("implausible: by %s, cores and uncore of package %d use %.1f W, the "
                                               "package that contains them %.1f W",
                                               source, domain.package_id, parts, reading->watts),
                               true});
    }
  }
  if (psys && *psys < 0.9 * packages) {
    check.remarks.push_back(
        {absl::StrFormat("implausible: by %s, psys uses %.1f W, the packages that it contains %.1f W", source, *psys,
                         packages),
         true});
  }
}

// A domain of one package against the same of another, where the packages themselves are about equally loaded.
void JudgeSiblings(const std::string& source, CrossCheck& check) {
  for (size_t i = 0; i < check.domains.size(); ++i) {
    for (size_t k = i + 1; k < check.domains.size(); ++k) {
      const CrossDomain& a = check.domains[i];
      const CrossDomain& b = check.domains[k];
      const RaplDomain domain = a.id.domain;
      if (domain != b.id.domain || (domain != RaplDomain::kDram && domain != RaplDomain::kCores)) continue;
      const CrossReading* of_a = ReadingOf(a, source);
      const CrossReading* of_b = ReadingOf(b, source);
      const std::optional<double> package_a = WattsOf(check, source, a, RaplDomain::kPackage);
      const std::optional<double> package_b = WattsOf(check, source, b, RaplDomain::kPackage);
      if (of_a == nullptr || of_b == nullptr || !package_a || !package_b) continue;
      const auto [less, more] = std::minmax(of_a->watts, of_b->watts);
      const auto [idler, busier] = std::minmax(*package_a, *package_b);
      if (more < kImplausibleWatts || more < kImplausibleRatio * less || busier > kEqualLoad * idler) continue;
      check.remarks.push_back(
          {absl::StrFormat("implausible: by %s, %s uses %.1f W and %s %.1f W, though their packages are loaded alike "
                           "(%.1f W and %.1f W)",
                           source, PlaceName(a), of_a->watts, PlaceName(b), of_b->watts, *package_a, *package_b),
           true});
    }
  }
}

void AddRemarks(const std::vector<NamedSources>& sources, const std::map<int, ThermalPower>& thermal_power,
                CrossCheck& check) {
  for (const NamedSources& source : sources) {
    JudgePower(source.name, thermal_power, check);
    JudgeParts(source.name, check);
    JudgeSiblings(source.name, check);
  }
  bool psys = false;
  bool one_core = false;
  for (const CrossDomain& domain : check.domains) {
    psys |= domain.id.domain == RaplDomain::kPsys;
    one_core |= domain.id.domain == RaplDomain::kCore && domain.readings.size() == 1 &&
                domain.readings.front().source == "sysfs";
    for (const CrossReading& reading : domain.readings) {
      if (reading.failed_reads == 0) continue;
      check.remarks.push_back(
          {absl::StrCat(PlaceName(domain), " by ", reading.source, ": ", reading.failed_reads, " reads failed"),
           false});
    }
  }
  if (psys) {
    check.remarks.push_back(
        {"psys is the whole platform: it contains the packages and must not be added to them", false});
  }
  if (one_core) {
    check.remarks.push_back(
        {"powercap's core on AMD is one core, the first of its package, and not all of them", false});
  }
  if (sources.size() == 1) {
    check.remarks.push_back(
        {absl::StrCat("only ", sources.front().name, " is usable: nothing to compare it with"), false});
  }
}

}  // namespace

bool CrossCheck::Flagged() const {
  return (run_time.has_value() && !OutOfBounds(*run_time).empty()) ||
         std::any_of(remarks.begin(), remarks.end(), [](const CrossRemark& remark) { return remark.flagged; }) ||
         std::any_of(domains.begin(), domains.end(), [](const CrossDomain& domain) {
           return std::any_of(domain.differences.begin(), domain.differences.end(),
                              [](const CrossDifference& difference) { return difference.flagged; });
         });
}

CrossCheck CompareSources(std::vector<NamedSources>& sources, const std::map<int, ThermalPower>& thermal_power,
                          const CrossCheckOptions& options) {
  CrossCheck check;
  for (const NamedSources& source : sources) check.sources.push_back(source.name);

  // Sources of one package stand together: they are read one right after the other.
  struct Reader {
    EnergySource* source = nullptr;
    std::vector<Track*> tracks;
  };
  std::map<Key, std::vector<std::unique_ptr<Track>>> tracks;
  std::map<std::pair<int, int>, std::vector<Reader>> packages;
  for (NamedSources& named : sources) {
    for (const std::unique_ptr<EnergySource>& source : named.packages) {
      const PackageInfo& package = source->package();
      Reader reader{.source = source.get(), .tracks = {}};
      for (const DomainInfo& domain : package.domains) {
        auto track = std::make_unique<Track>();
        track->source = named.name;
        track->info = domain;
        reader.tracks.push_back(track.get());
        tracks[{package.package_id, package.die_id, domain.id}].push_back(std::move(track));
      }
      packages[{package.package_id, package.die_id}].push_back(std::move(reader));
    }
  }

  const auto sample = std::make_unique<EnergySample>();
  const int64_t start_ns = options.clock->NowNs();
  const int64_t end_ns = start_ns + absl::ToInt64Nanoseconds(options.duration);
  int64_t now_ns = start_ns;
  while (!packages.empty() && now_ns < end_ns) {
    for (auto& [ids, readers] : packages) {
      for (Reader& reader : readers) {
        reader.source->Read(*sample);
        for (size_t i = 0; i < reader.tracks.size(); ++i) {
          if (sample->error[i] != 0) {
            ++reader.tracks[i]->failed;
          } else {
            reader.tracks[i]->Add(sample->before_ns, sample->after_ns, sample->ticks[i]);
          }
        }
      }
    }
    now_ns = options.clock->NowNs();
  }
  check.seconds = static_cast<double>(now_ns - start_ns) * 1e-9;

  for (const auto& [key, of_counter] : tracks) {
    const auto& [package_id, die_id, id] = key;
    CrossDomain domain{.package_id = package_id, .die_id = die_id, .id = id, .readings = {}, .differences = {}};
    const Track* reference = nullptr;
    for (const std::unique_ptr<Track>& track : of_counter) {
      domain.readings.push_back({.source = track->source,
                                 .joules = track->joules(),
                                 .watts = track->watts(),
                                 .updates = track->edges.Summary(),
                                 .failed_reads = track->failed});
      if (!track->any) continue;
      if (reference != nullptr) domain.differences.push_back(Compare(*reference, *track));
      if (reference == nullptr) reference = track.get();
    }
    check.domains.push_back(std::move(domain));
  }
  AddRemarks(sources, thermal_power, check);
  return check;
}

CrossCheck RunCrossCheck(const HostRoot& root, const ProbeFindings& found, const CrossCheckOptions& options) {
  std::vector<NamedSources> sources;
  std::vector<std::string> left_out;
  for (const SourceFindings& source : found.sources) {
    if (!source.usable.ok()) {
      left_out.push_back(absl::StrCat(source.name, ": ", source.usable.message()));
      continue;
    }
    const auto kind = std::find_if(SourceKinds().begin(), SourceKinds().end(),
                                   [&](const SourceKind& one) { return source.name == one.name; });
    absl::StatusOr<OpenBackend> opened = OpenEnergySources(kind->backend, root, *options.clock, options.reading);
    if (opened.ok()) {
      sources.push_back({.name = source.name, .packages = std::move(opened->sources)});
    } else {
      left_out.push_back(absl::StrCat(source.name, ": ", opened.status().message()));
    }
  }
  if (options.on_step) {
    options.on_step(absl::StrCat("reading all sources side by side for ", absl::FormatDuration(options.duration)));
  }
  // Both see the same seconds: what the reading of the sources costs is a load like any other.
  std::atomic<bool> done = false;
  absl::StatusOr<RunTimeCheckReport> run_time = absl::UnknownError("not asked for");
  std::thread checker;
  if (options.run_time) {
    checker = std::thread([&] {
      run_time = CheckRunTime([&] {
        // It begins later than the reading of the sources: on a busy machine by as long as programs take to load.
        const int64_t end_ns = MonotonicNs() + absl::ToInt64Nanoseconds(options.duration);
        while (!done || MonotonicNs() < end_ns) RealClock().SleepUntil(MonotonicNs() + kNanosPerMilli);
        return absl::OkStatus();
      });
    });
  }
  CrossCheck check = CompareSources(sources, found.thermal_power, options);
  if (options.run_time) {
    // Where there is no energy to read, run time has its seconds all the same.
    if (sources.empty()) options.clock->SleepUntil(options.clock->NowNs() + absl::ToInt64Nanoseconds(options.duration));
    done = true;
    checker.join();
    if (run_time.ok()) {
      check.run_time = *std::move(run_time);
    } else {
      left_out.push_back(absl::StrCat("run time: ", run_time.status().message()));
    }
  }
  check.emulated = found.emulated;
  check.left_out = std::move(left_out);
  if (!found.cpu_table.empty()) {
    check.remarks.push_back({.text = absl::StrCat("cpu_table=", found.cpu_table, ": msr reads by it")});
  }
  return check;
}

}  // namespace vrapl
