#include "hwmon/power_sensors.h"

#include <set>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"

namespace vrapl {
namespace {

constexpr absl::string_view kClassDirectory = "/sys/class/hwmon";
constexpr absl::string_view kXGene = "apm_xgene";

}  // namespace

absl::StatusOr<PowerSensors> FindPowerSensors(const HostRoot& host_root) {
  const std::string directory = host_root.Path(kClassDirectory);
  const absl::StatusOr<std::vector<std::string>> entries = ListDirectory(directory);
  if (!entries.ok() && !absl::IsNotFound(entries.status())) return entries.status();
  std::vector<std::string> xgene;
  std::set<std::string> others;
  if (entries.ok()) {
    for (const std::string& entry : *entries) {
      const std::string device = absl::StrCat(directory, "/", entry);
      const absl::StatusOr<std::string> name = ReadSmallFile(absl::StrCat(device, "/name"));
      if (!name.ok()) continue;  // a device need not have a name
      if (absl::StripAsciiWhitespace(*name) == kXGene) {
        xgene.push_back(device);
      } else {
        others.insert(std::string(absl::StripAsciiWhitespace(*name)));
      }
    }
  }
  if (xgene.empty()) {
    return absl::NotFoundError(absl::StrCat(
        "no CPU power sensor in ", kClassDirectory,
        others.empty() ? "" : absl::StrCat(": found ", absl::StrJoin(others, ", "), "; none measures the CPU's power"),
        " (known is ", kXGene, " of APM X-Gene, module xgene-hwmon)"));
  }
  if (xgene.size() > 1) {
    return absl::UnimplementedError(
        absl::StrCat("several ", kXGene, " (", absl::StrJoin(xgene, ", "), "): which CPUs each measures is not known"));
  }

  PowerSensors sensors{.device = xgene.front(), .cpu_input = "", .io_input = ""};
  const absl::StatusOr<std::vector<std::string>> files = ListDirectory(sensors.device);
  if (!files.ok()) return files.status();
  for (const std::string& file : *files) {
    absl::string_view stem = file;
    if (!absl::StartsWith(file, "power") || !absl::ConsumeSuffix(&stem, "_label")) continue;
    const absl::StatusOr<std::string> label = ReadSmallFile(absl::StrCat(sensors.device, "/", file));
    if (!label.ok()) return label.status();
    const std::string input = absl::StrCat(sensors.device, "/", stem, "_input");
    if (absl::StripAsciiWhitespace(*label) == "CPU power") sensors.cpu_input = input;
    if (absl::StripAsciiWhitespace(*label) == "IO power") sensors.io_input = input;
  }
  for (const auto& [label, input] : {std::pair("CPU power", sensors.cpu_input), {"IO power", sensors.io_input}}) {
    if (!input.empty()) continue;
    return absl::UnimplementedError(
        absl::StrCat(sensors.device, " (", kXGene, ") has no power labelled \"", label, "\": not the driver we know"));
  }
  return sensors;
}

}  // namespace vrapl
