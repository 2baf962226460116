#include "sampler/cpu_watcher.h"

#include <algorithm>
#include <utility>

namespace vrapl {

namespace {

std::string OnlineText(const HostRoot& host_root) {
  return ReadSmallFile(host_root.Path("/sys/devices/system/cpu/online")).value_or("");
}

}  // namespace

CpuWatcher::CpuWatcher(HostRoot host_root) : host_root_(std::move(host_root)), online_(OnlineText(host_root_)) {
  const absl::StatusOr<CpuModel> cpu = ReadCpuModel(host_root_);
  vendor_ = cpu.ok() ? cpu->vendor : CpuVendor{};
  topology_ = ReadTopology(host_root_, vendor_).value_or(std::vector<PackageTopology>{});
}

std::optional<std::vector<PackageTopology>> CpuWatcher::Poll() {
  std::string online = OnlineText(host_root_);
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
