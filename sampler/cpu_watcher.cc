#include "sampler/cpu_watcher.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

namespace vrapl {

CpuWatcher::CpuWatcher(HostRoot host_root) : host_root_(std::move(host_root)) {
  online_ = OnlineText();
  const absl::StatusOr<CpuModel> cpu = ReadCpuModel(host_root_);
  vendor_ = cpu.ok() ? cpu->vendor : CpuVendor{};
  topology_ = ReadTopology(host_root_, vendor_).value_or(std::vector<PackageTopology>{});
}

// The kernel makes the text anew for each read at the file's start.
std::string CpuWatcher::OnlineText() {
  if (!online_file_.ok()) {
    online_file_ = UniqueFd(::open(host_root_.Path("/sys/devices/system/cpu/online").c_str(), O_RDONLY | O_CLOEXEC));
  }
  std::array<char, 4096> text;  // a page, all that sysfs gives
  const ssize_t size = online_file_.ok() ? ::pread(online_file_.get(), text.data(), text.size(), 0) : -1;
  if (size > 0) return std::string(text.data(), static_cast<size_t>(size));
  online_file_.Reset();
  return "";
}

std::optional<std::vector<PackageTopology>> CpuWatcher::Poll() {
  std::string online = OnlineText();
  if (online.empty() || online == online_) return std::nullopt;
  absl::StatusOr<std::vector<PackageTopology>> topology = ReadTopology(host_root_, vendor_);
  if (!topology.ok()) return std::nullopt;  // a CPU on its way up or down: its files come and go one by one
  online_ = std::move(online);
  topology_ = *std::move(topology);
  return topology_;
}

std::vector<int> CpusOf(const std::vector<PackageTopology>& topology, int package_id, int die_id) {
  std::vector<int> cpus;
  for (const PackageTopology& package : topology) {
    if (package.package_id != package_id || (die_id >= 0 && package.die_id != die_id)) continue;
    cpus.insert(cpus.end(), package.cpus.begin(), package.cpus.end());
  }
  std::sort(cpus.begin(), cpus.end());
  return cpus;
}

std::vector<int> KeptClear(const std::vector<PackageTopology>& topology) {
  std::vector<int> cpus;
  for (const PackageTopology& package : topology) {
    cpus.insert(cpus.end(), package.kept_clear.begin(), package.kept_clear.end());
  }
  return cpus;
}

std::vector<int> AllCpus(const std::vector<PackageTopology>& topology) {
  std::vector<int> cpus;
  for (const PackageTopology& package : topology) cpus.insert(cpus.end(), package.cpus.begin(), package.cpus.end());
  std::sort(cpus.begin(), cpus.end());
  return cpus;
}

}  // namespace vrapl
