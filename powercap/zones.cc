#include "powercap/zones.h"

#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace vrapl {
namespace {

constexpr absl::string_view kClassDirectory = "/sys/class/powercap";
constexpr absl::string_view kControlType = "intel-rapl";

// Takes a decimal id off the front of `text`.
std::optional<int> ConsumeId(absl::string_view& text) {
  size_t size = 0;
  while (size < text.size() && text[size] >= '0' && text[size] <= '9') ++size;
  int id = 0;
  if (!absl::SimpleAtoi(text.substr(0, size), &id)) return std::nullopt;
  text.remove_prefix(size);
  return id;
}

bool IsZoneId(absl::string_view entry) { return absl::StartsWith(entry, "intel-rapl:"); }

// Directories of all zones by id ("intel-rapl:0:1"). A zone that is reached twice counts once.
void CollectZones(const std::string& directory, std::map<std::string, std::string>& zones) {
  const absl::StatusOr<std::vector<std::string>> entries = ListDirectory(directory);
  if (!entries.ok()) return;  // a file, or nothing there: no zones in it
  for (const std::string& entry : *entries) {
    if (entry != kControlType && !IsZoneId(entry)) continue;
    const std::string path = absl::StrCat(directory, "/", entry);
    if (IsZoneId(entry) && !zones.emplace(entry, path).second) continue;
    CollectZones(path, zones);
  }
}

}  // namespace

std::optional<ZoneName> ParseZoneName(absl::string_view name) {
  if (name == "core") return ZoneName{.domain = RaplDomain::kCores};
  if (name == "uncore") return ZoneName{.domain = RaplDomain::kUncore};
  if (name == "dram") return ZoneName{.domain = RaplDomain::kDram};
  if (name == "psys") return ZoneName{.domain = RaplDomain::kPsys};
  ZoneName zone;
  if (absl::ConsumePrefix(&name, "psys-")) {
    zone.domain = RaplDomain::kPsys;
  } else if (!absl::ConsumePrefix(&name, "package-")) {
    return std::nullopt;
  }
  const std::optional<int> package_id = ConsumeId(name);
  if (!package_id) return std::nullopt;
  zone.package_id = *package_id;
  if (zone.domain == RaplDomain::kPackage && absl::ConsumePrefix(&name, "-die-")) {
    const std::optional<int> die_id = ConsumeId(name);
    if (!die_id) return std::nullopt;
    zone.die_id = *die_id;
  }
  if (!name.empty()) return std::nullopt;
  return zone;
}

absl::StatusOr<std::vector<Zone>> FindZones(const HostRoot& host_root) {
  std::map<std::string, std::string> paths;
  CollectZones(host_root.Path(kClassDirectory), paths);

  std::vector<Zone> zones;
  std::map<std::string, Zone> packages;   // by id, to find the parent of a child
  for (const auto& [id, path] : paths) {  // "intel-rapl:0" sorts before its child "intel-rapl:0:1"
    const absl::StatusOr<std::string> text = ReadSmallFile(absl::StrCat(path, "/name"));
    if (!text.ok()) return text.status();
    const std::optional<ZoneName> name = ParseZoneName(*text);
    if (!name) continue;
    Zone zone{.path = path, .domain = name->domain, .package_id = name->package_id, .die_id = name->die_id};
    if (name->package_id < 0) {
      const auto parent = packages.find(id.substr(0, id.rfind(':')));
      if (parent != packages.end()) {
        zone.package_id = parent->second.package_id;
        zone.die_id = parent->second.die_id;
      } else if (name->domain == RaplDomain::kPsys) {
        zone.package_id = 0;  // the driver names only psys of other packages with their id
      } else {
        return absl::InvalidArgumentError(absl::StrCat(path, " is a zone \"", *text, "\" outside any package zone"));
      }
    }
    if (name->domain == RaplDomain::kPackage) packages[id] = zone;
    zones.push_back(std::move(zone));
  }
  if (zones.empty()) {
    return absl::NotFoundError(absl::StrCat(
        "no RAPL zones in ", host_root.Path(kClassDirectory),
        " (is the driver loaded? `modprobe intel_rapl_msr`; a container may hide them, a virtual machine has none)"));
  }
  return zones;
}

}  // namespace vrapl
