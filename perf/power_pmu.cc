#include "perf/power_pmu.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"

namespace vrapl {
namespace {

constexpr absl::string_view kPmuDirectory = "/sys/bus/event_source/devices";

struct EventName {
  absl::string_view name;
  RaplDomain domain;
};
constexpr EventName kPackageEvents[] = {{"energy-pkg", RaplDomain::kPackage},
                                        {"energy-cores", RaplDomain::kCores},
                                        {"energy-gpu", RaplDomain::kUncore},
                                        {"energy-ram", RaplDomain::kDram},
                                        {"energy-psys", RaplDomain::kPsys}};
constexpr EventName kCoreEvents[] = {{"energy-core", RaplDomain::kCore}};

// "0x02", "2"; nothing for what is no number.
std::optional<uint64_t> Number(absl::string_view text) {
  uint64_t value = 0;
  if (absl::ConsumePrefix(&text, "0x") ? absl::SimpleHexAtoi(text, &value) : absl::SimpleAtoi(text, &value)) {
    return value;
  }
  return std::nullopt;
}

absl::StatusOr<EnergyUnit> ReadUnit(const std::string& event_path) {
  const absl::StatusOr<std::string> unit = ReadSmallFile(absl::StrCat(event_path, ".unit"));
  if (!unit.ok()) return unit.status();
  if (absl::StripAsciiWhitespace(*unit) != "Joules") {
    return absl::UnimplementedError(absl::StrCat(event_path, ".unit is \"", *unit, "\" and not Joules"));
  }
  const absl::StatusOr<std::string> scale = ReadSmallFile(absl::StrCat(event_path, ".scale"));
  if (!scale.ok()) return scale.status();
  EnergyUnit energy;
  if (!absl::SimpleAtod(*scale, &energy.joules_per_tick) ||
      !(energy.joules_per_tick > 0 && energy.joules_per_tick <= 1)) {
    return absl::InvalidArgumentError(
        absl::StrCat(event_path, ".scale holds \"", *scale, "\", which is no number of joules per count"));
  }
  return energy;
}

PowerEvent ReadEvent(const PowerPmu& pmu, const EventName& named, const std::string& directory) {
  PowerEvent event{.domain = named.domain,
                   .name = absl::StrCat(pmu.name, "/", named.name, "/"),
                   .event = {.type = pmu.type},
                   .unit = {},
                   .usable = absl::OkStatus()};
  const std::string path = absl::StrCat(directory, "/events/", named.name);
  const absl::StatusOr<std::string> terms = ReadSmallFile(path);
  absl::StatusOr<uint64_t> config =
      terms.ok() ? ParseEventTerms(*terms, absl::StrCat(directory, "/format")) : terms.status();
  const absl::StatusOr<EnergyUnit> unit = ReadUnit(path);
  if (!config.ok()) {
    event.usable = config.status();
  } else if (!unit.ok()) {
    event.usable = unit.status();
  } else {
    event.event.config = *config;
    event.unit = *unit;
  }
  return event;
}

// The PMU and those of `wanted` that it has; the first of them it must have.
absl::StatusOr<PowerPmu> ReadPmu(const HostRoot& host_root, absl::string_view name,
                                 absl::Span<const EventName> wanted) {
  const std::string directory = host_root.Path(absl::StrCat(kPmuDirectory, "/", name));
  const absl::StatusOr<int64_t> type = ReadNumberFile(absl::StrCat(directory, "/type"));
  if (absl::IsNotFound(type.status())) {
    return absl::NotFoundError(absl::StrCat("the kernel has no PMU ", directory,
                                            " (is its driver loaded? `modprobe rapl`; a kernel that does not know this "
                                            "CPU, and a virtual machine, have none)"));
  }
  if (!type.ok()) return type.status();
  if (*type < 0 || *type > UINT32_MAX) {
    return absl::InvalidArgumentError(absl::StrCat(directory, "/type holds ", *type));
  }
  PowerPmu pmu{.name = std::string(name), .type = static_cast<uint32_t>(*type), .cpumask = {}, .events = {}};

  const absl::StatusOr<std::string> cpumask = ReadSmallFile(absl::StrCat(directory, "/cpumask"));
  if (cpumask.ok()) {
    absl::StatusOr<std::vector<int>> cpus = ParseCpuList(*cpumask);
    if (!cpus.ok()) return cpus.status();
    if (cpus->empty()) {
      return absl::NotFoundError(absl::StrCat(directory, "/cpumask names no CPU: nothing counts here"));
    }
    pmu.cpumask = *std::move(cpus);
  } else if (!absl::IsNotFound(cpumask.status())) {
    return cpumask.status();
  }

  const absl::StatusOr<std::vector<std::string>> events = ListDirectory(absl::StrCat(directory, "/events"));
  if (!events.ok() && !absl::IsNotFound(events.status())) return events.status();
  const auto offers = [&events](absl::string_view event) {
    if (!events.ok()) return false;
    for (const std::string& offered : *events) {
      if (offered == event) return true;
    }
    return false;
  };
  if (!offers(wanted.front().name)) {
    return absl::UnimplementedError(absl::StrCat(
        "the PMU ", directory, " has no event ", wanted.front().name, " and so is not RAPL's",
        events.ok() && !events->empty() ? absl::StrCat(" (it has ", absl::StrJoin(*events, ", "), ")") : ""));
  }
  for (const EventName& event : wanted) {
    if (offers(event.name)) pmu.events.push_back(ReadEvent(pmu, event, directory));
  }
  return pmu;
}

}  // namespace

absl::StatusOr<uint64_t> ParseEventTerms(absl::string_view terms, const std::string& format_directory) {
  uint64_t config = 0;
  for (absl::string_view term : absl::StrSplit(terms, ',')) {
    const std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(term, absl::MaxSplits('=', 1));
    const absl::string_view name = absl::StripAsciiWhitespace(parts.first);
    const std::string format_path = absl::StrCat(format_directory, "/", name);
    const auto malformed = [&](absl::string_view text) {
      return absl::InvalidArgumentError(
          absl::StrCat("the event \"", terms, "\" cannot be read by ", format_path, " = \"", text, "\""));
    };
    if (name.empty()) return malformed("");
    const absl::StatusOr<std::string> format = ReadSmallFile(format_path);
    if (!format.ok()) return format.status();
    // "config:0-7", "config:21". Bits in several places or in config1 are other PMUs'.
    absl::string_view bits = absl::StripAsciiWhitespace(*format);
    if (!absl::ConsumePrefix(&bits, "config:")) return malformed(*format);
    const std::pair<absl::string_view, absl::string_view> range = absl::StrSplit(bits, absl::MaxSplits('-', 1));
    const std::optional<uint64_t> low = Number(range.first);
    const std::optional<uint64_t> high = absl::StrContains(bits, '-') ? Number(range.second) : low;
    const std::optional<uint64_t> value = absl::StrContains(term, '=') ? Number(parts.second) : uint64_t{1};
    if (!low || !high || !value || *low > *high || *high > 63) return malformed(*format);
    const uint64_t width = *high - *low + 1;
    if (width < 64 && *value >> width != 0) return malformed(*format);
    config |= *value << *low;
  }
  return config;
}

absl::StatusOr<PowerPmu> ReadPowerPmu(const HostRoot& host_root) { return ReadPmu(host_root, "power", kPackageEvents); }

absl::StatusOr<PowerPmu> ReadPowerCorePmu(const HostRoot& host_root) {
  return ReadPmu(host_root, "power_core", kCoreEvents);
}

}  // namespace vrapl
