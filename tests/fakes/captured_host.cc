#include "tests/fakes/captured_host.h"

#include <cerrno>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "base/clock.h"

namespace vrapl {
namespace {

using Json = nlohmann::json;

// The errno behind a canonical code, as PosixError() and MsrDevice map them.
int ErrnoOf(const Json& error) {
  if (!error.is_string()) return 0;
  const auto name = error.get<std::string>();
  if (name == "PERMISSION_DENIED") return EPERM;
  if (name == "NOT_FOUND") return ENXIO;
  return EIO;
}

uint64_t Hex(const Json& text) { return std::stoull(text.get<std::string>(), nullptr, 16); }

}  // namespace

absl::StatusOr<std::unique_ptr<CapturedHost>> CapturedHost::Mount(const std::string& archive,
                                                                  const std::string& directory) {
  const absl::StatusOr<std::string> text = ReadSmallFile(absl::StrCat(archive, "/counters.json"));
  if (!text.ok()) return text.status();
  const Json counters = Json::parse(*text, nullptr, /*allow_exceptions=*/false);
  if (!counters.is_object()) return absl::InvalidArgumentError(absl::StrCat(archive, "/counters.json is no JSON"));
  std::unique_ptr<CapturedHost> host(new CapturedHost);
  const double seconds = counters["seconds"].get<double>();
  HostFsTree tree;
  for (const Json& cpu : counters["cpus"]) {
    const int number = cpu["cpu"].get<int>();
    host->open_errors_[number] = ErrnoOf(cpu["open_error"]);
    // The driver was not there: neither is the device.
    if (cpu["open_error"] != "NOT_FOUND") tree.AddMsr(number);
    for (const Json& one : cpu["registers"]) {
      Counter counter{.error = ErrnoOf(one["error"])};
      if (one["value"].is_string()) counter.first = Hex(one["value"]);
      if (one["later"].is_string()) {
        counter.per_second = static_cast<double>(static_cast<uint32_t>(Hex(one["later"]) - counter.first)) / seconds;
      }
      host->registers_[{number, static_cast<MsrAddress>(Hex(one["address"]))}] = counter;
    }
  }
  for (const Json& zone : counters["zones"]) {
    Counter counter{.first = zone["energy_uj"].get<uint64_t>()};
    // One that wrapped around just then stands still in the replay.
    if (zone["later_uj"].is_number() && zone["later_uj"] > zone["energy_uj"]) {
      counter.per_second = (zone["later_uj"].get<double>() - zone["energy_uj"].get<double>()) / seconds;
    }
    host->zones_[zone["path"].get<std::string>()] = counter;
  }
  for (const auto& entry : std::filesystem::recursive_directory_iterator(archive)) {
    if (!entry.is_regular_file()) continue;
    const std::string path = std::filesystem::relative(entry.path(), archive).string();
    if (const auto zone = host->zones_.find(path); zone != host->zones_.end()) {
      tree.AddComputed("/" + path, [&captured = *host, &counter = zone->second](std::string& shown) {
        shown = absl::StrCat(captured.Moved(counter), "\n");
        return 0;
      });
    } else if (absl::StatusOr<std::string> file = ReadSmallFile(entry.path().string()); file.ok()) {
      tree.AddText("/" + path, *file + "\n");
    }
  }
  host->start_ns_ = MonotonicNs();
  absl::StatusOr<std::unique_ptr<HostFs>> mounted = HostFs::Mount(directory, std::move(tree), host.get());
  if (!mounted.ok()) return mounted.status();
  host->host_fs_ = *std::move(mounted);
  return host;
}

uint64_t CapturedHost::Moved(const Counter& counter) const {
  const double seconds = static_cast<double>(MonotonicNs() - start_ns_) * 1e-9;
  return counter.first + static_cast<uint64_t>(counter.per_second * seconds);
}

int CapturedHost::Open(int cpu) {
  const auto found = open_errors_.find(cpu);
  return found == open_errors_.end() ? ENXIO : found->second;
}

RegisterRead CapturedHost::Read(int cpu, MsrAddress address) {
  const auto found = registers_.find({cpu, address});
  if (found == registers_.end()) return {.value = 0, .error = EIO};
  if (found->second.error != 0) return {.value = 0, .error = found->second.error};
  if (found->second.per_second == 0) return {.value = found->second.first, .error = 0};
  // Bits 63:32 are as they were: they may be no energy.
  const uint64_t high = found->second.first >> 32 << 32;
  return {.value = high | static_cast<uint32_t>(Moved(found->second)), .error = 0};
}

}  // namespace vrapl
