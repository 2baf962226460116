#include "conditions/machine_conditions.h"

#include <fcntl.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace vrapl {
namespace {

using nlohmann::json;

std::vector<std::string> List(const HostRoot& root, const std::string& path) {
  return ListDirectory(root.Path(path)).value_or(std::vector<std::string>());
}

std::optional<int64_t> ReadNumber(int fd) {
  char text[32];
  const ssize_t size = ::pread(fd, text, sizeof text, 0);
  int64_t value = 0;
  if (size <= 0 || !absl::SimpleAtoi(absl::string_view(text, static_cast<size_t>(size)), &value)) return std::nullopt;
  return value;
}

}  // namespace

MachineConditions::MachineConditions(const HostRoot& hardware) {
  const std::string hwmon = "/sys/class/hwmon";
  for (const std::string& chip : List(hardware, hwmon)) {
    const std::string base = absl::StrCat(hwmon, "/", chip);
    const std::string chip_name = ReadSmallFile(hardware.Path(base + "/name")).value_or(chip);
    for (const std::string& file : List(hardware, base)) {
      if (!absl::StartsWith(file, "temp") || !absl::EndsWith(file, "_input")) continue;
      const std::string sensor = file.substr(0, file.size() - 6);
      const std::string label =
          ReadSmallFile(hardware.Path(absl::StrCat(base, "/", sensor, "_label"))).value_or(sensor);
      Open(Kind::kTemperature, absl::StrCat(chip_name, " ", label, " (", chip, ")"), "",
           hardware.Path(absl::StrCat(base, "/", file)));
    }
  }
  const std::string zones = "/sys/class/thermal";
  for (const std::string& zone : List(hardware, zones)) {
    if (!absl::StartsWith(zone, "thermal_zone")) continue;
    const std::string base = absl::StrCat(zones, "/", zone);
    Open(Kind::kTemperature,
         absl::StrCat(ReadSmallFile(hardware.Path(base + "/type")).value_or("zone"), " (", zone, ")"), "",
         hardware.Path(base + "/temp"));
  }
  const std::string cpus = "/sys/devices/system/cpu";
  for (const std::string& name : List(hardware, cpus)) {
    int cpu = 0;
    if (!absl::StartsWith(name, "cpu") || !absl::SimpleAtoi(name.substr(3), &cpu)) continue;
    const std::string base = absl::StrCat(cpus, "/", name);
    Open(Kind::kFrequency, absl::StrCat(cpu), "", hardware.Path(base + "/cpufreq/scaling_cur_freq"));
    for (const std::string& state : List(hardware, base + "/cpuidle")) {
      const std::string state_base = absl::StrCat(base, "/cpuidle/", state);
      Open(Kind::kIdle, absl::StrCat(cpu), ReadSmallFile(hardware.Path(state_base + "/name")).value_or(state),
           hardware.Path(state_base + "/time"));
    }
  }
}

void MachineConditions::Open(Kind kind, std::string name, std::string state, const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  // Some sensors can be opened and not read: they are asked once.
  if (!fd.ok() || !ReadNumber(fd.get())) return;
  files_.push_back({.kind = kind, .name = std::move(name), .state = std::move(state), .fd = std::move(fd)});
}

std::string MachineConditions::Read() {
  json out = json::object();
  for (const File& file : files_) {
    const std::optional<int64_t> value = ReadNumber(file.fd.get());
    if (!value) continue;
    switch (file.kind) {
      case Kind::kTemperature:
        out["temperature_c"][file.name] = static_cast<double>(*value) / 1000;
        break;
      case Kind::kFrequency:
        out["frequency_khz"][file.name] = *value;
        break;
      case Kind::kIdle:
        out["idle_ns"][file.name][file.state] = *value * 1000;
        break;
    }
  }
  return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace vrapl
