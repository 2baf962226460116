#include "sampler/absence.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <exception>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/clock.h"
#include "base/energy_counter.h"
#include "base/host_root.h"
#include "base/posix.h"
#include "recording/json_integer.h"

namespace vrapl {
namespace {

using json = nlohmann::json;

constexpr int kVersion = 1;

bool SameCounter(const CounterState::Counter& a, const CounterState::Counter& b) {
  return a.package_id == b.package_id && a.die_id == b.die_id && a.domain == b.domain && a.wrap_ticks == b.wrap_ticks &&
         a.unit_uj == b.unit_uj;
}

std::string WhyAllUnknown(const CounterState& before, const CounterState& now) {
  if (before.boot_id != now.boot_id) return "the machine was started anew since";
  if (before.host_root != now.host_root || before.backend != now.backend) return "it was read otherwise before";
  if (before.running) return "the run before did not end by itself";
  if (now.boottime_ns < before.boottime_ns) return "the state file is of another time";
  return "";
}

}  // namespace

CounterState ReadCounterState(const std::vector<std::unique_ptr<EnergySource>>& sources, const std::string& host_root) {
  CounterState state{.boot_id = ReadSmallFile("/proc/sys/kernel/random/boot_id").value_or(""),
                     .host_root = host_root,
                     .running = true};
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  state.boottime_ns = now.tv_sec * kNanosPerSecond + now.tv_nsec;
  for (const std::unique_ptr<EnergySource>& source : sources) {
    state.backend = std::string(source->backend());
    const PackageInfo& package = source->package();
    for (size_t i = 0; i < package.domains.size(); ++i) {
      const DomainInfo& domain = package.domains[i];
      uint64_t raw = 0;
      if (source->Peek(i, raw) != 0) continue;
      state.counters.push_back({.package_id = package.package_id,
                                .die_id = package.die_id,
                                .domain = domain.id,
                                .raw = raw % domain.wrap_ticks,
                                .wrap_ticks = domain.wrap_ticks,
                                .unit_uj = domain.unit.joules_per_tick * 1e6});
    }
  }
  return state;
}

std::vector<Unobserved> UnobservedBetween(const CounterState& before, const CounterState& now) {
  const std::string why = WhyAllUnknown(before, now);
  std::vector<Unobserved> all;
  for (const CounterState::Counter& counter : now.counters) {
    Unobserved unobserved{.package_id = counter.package_id,
                          .die_id = counter.die_id,
                          .domain = counter.domain,
                          .ns = now.boottime_ns - before.boottime_ns,
                          .why_unknown = why};
    const CounterState::Counter* was = nullptr;
    for (const CounterState::Counter& other : before.counters) {
      if (SameCounter(other, counter)) was = &other;
    }
    const double most_w =
        counter.domain.domain == RaplDomain::kPsys ? GuardedCounter::kMaxPlatformWatts : GuardedCounter::kMaxWatts;
    const double range_uj = static_cast<double>(counter.wrap_ticks) * counter.unit_uj;
    if (!why.empty()) {
      // As it stands.
    } else if (was == nullptr) {
      unobserved.why_unknown = "it was not read before";
    } else if (most_w * static_cast<double>(unobserved.ns) * 1e-3 >= range_uj) {
      unobserved.why_unknown = "it may have wrapped around more than once";
    } else {
      const uint64_t ticks = (counter.raw + counter.wrap_ticks - was->raw) % counter.wrap_ticks;
      unobserved.energy_uj = std::llround(static_cast<double>(ticks) * counter.unit_uj);
    }
    all.push_back(std::move(unobserved));
  }
  return all;
}

std::string DescribeUnobserved(const Unobserved& unobserved) {
  const double seconds = static_cast<double>(unobserved.ns) * 1e-9;
  const std::string counter = absl::StrCat("package ", unobserved.package_id,
                                           unobserved.die_id > 0 ? absl::StrCat(" die ", unobserved.die_id) : "", " ",
                                           DomainName(unobserved.domain));
  if (unobserved.energy_uj) {
    return absl::StrFormat("%s: %.3f J in the %.1f s in which vrapl did not run", counter,
                           static_cast<double>(*unobserved.energy_uj) * 1e-6, seconds);
  }
  return absl::StrCat(counter, ": what it counted while vrapl did not run is not known: ", unobserved.why_unknown);
}

std::optional<CounterState> LoadCounterState(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadSmallFile(path);
  if (!text.ok()) return std::nullopt;
  const json object = json::parse(*text, nullptr, /*allow_exceptions=*/false);
  try {
    if (!object.is_object() || object.at("version") != kVersion) return std::nullopt;
    CounterState state{.boot_id = object.at("boot_id"),
                       .backend = object.at("backend"),
                       .host_root = object.at("host_root"),
                       .boottime_ns = JsonInteger(object, "boottime_ns"),
                       .running = object.at("running")};
    for (const json& counter : object.at("counters")) {
      state.counters.push_back({.package_id = JsonInteger(counter, "package"),
                                .die_id = JsonInteger(counter, "die"),
                                .domain = {static_cast<RaplDomain>(static_cast<int>(JsonInteger(counter, "domain"))),
                                           JsonInteger(counter, "core")},
                                .raw = JsonInteger(counter, "raw"),
                                .wrap_ticks = JsonInteger(counter, "wrap_ticks"),
                                .unit_uj = counter.at("unit_uj")});
    }
    return state;
  } catch (const std::exception&) {
    return std::nullopt;  // not ours, or not whole: as if there were none
  }
}

absl::Status StoreCounterState(const CounterState& state, const std::string& path) {
  json object = {{"version", kVersion},          {"boot_id", state.boot_id},         {"backend", state.backend},
                 {"host_root", state.host_root}, {"boottime_ns", state.boottime_ns}, {"running", state.running},
                 {"counters", json::array()}};
  for (const CounterState::Counter& counter : state.counters) {
    object["counters"].push_back({{"package", counter.package_id},
                                  {"die", counter.die_id},
                                  {"domain", static_cast<int>(counter.domain.domain)},
                                  {"core", counter.domain.core},
                                  {"raw", counter.raw},
                                  {"wrap_ticks", counter.wrap_ticks},
                                  {"unit_uj", counter.unit_uj}});
  }
  const std::string text = object.dump() + "\n";
  const std::string temporary = absl::StrCat(path, ".tmp-", ::getpid());
  const auto failed = [&] {
    const int error = errno;
    ::unlink(temporary.c_str());
    return PosixError(error, absl::StrCat("write ", path));
  };
  ::unlink(temporary.c_str());
  UniqueFd file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.ok()) return failed();
  if (::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) return failed();
  if (::rename(temporary.c_str(), path.c_str()) != 0) return failed();
  return absl::OkStatus();
}

}  // namespace vrapl
