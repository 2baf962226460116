#include "base/topology.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace vrapl {
namespace {

constexpr absl::string_view kCpuDirectory = "/sys/devices/system/cpu";

std::string TopologyFile(const HostRoot& host_root, int cpu, absl::string_view name) {
  return host_root.Path(absl::StrCat(kCpuDirectory, "/cpu", cpu, "/topology/", name));
}

// `fallback` where the kernel is too old for the file (die_id came with Linux 5.2) or answers -1, "unknown".
absl::StatusOr<int> ReadId(const HostRoot& host_root, int cpu, absl::string_view name, const int* fallback) {
  const absl::StatusOr<int64_t> id = ReadNumberFile(TopologyFile(host_root, cpu, name));
  if (!id.ok() && fallback != nullptr && absl::IsNotFound(id.status())) return *fallback;
  if (!id.ok()) return id.status();
  if (*id >= 0) return static_cast<int>(*id);
  if (fallback != nullptr) return *fallback;
  return absl::InvalidArgumentError(
      absl::StrCat(TopologyFile(host_root, cpu, name), " holds ", *id, ": the kernel does not know the topology"));
}

// The SMT siblings of `cpu`, itself included. core_cpus_list is the newer name (Linux 5.2) of thread_siblings_list.
absl::StatusOr<std::vector<int>> ReadSiblings(const HostRoot& host_root, int cpu) {
  for (const char* name : {"core_cpus_list", "thread_siblings_list"}) {
    const absl::StatusOr<std::string> text = ReadSmallFile(TopologyFile(host_root, cpu, name));
    if (text.ok()) return ParseCpuList(*text);
    if (!absl::IsNotFound(text.status())) return text.status();
  }
  return std::vector<int>{cpu};
}

}  // namespace

absl::StatusOr<std::vector<int>> ReadOnlineCpus(const HostRoot& host_root) {
  const absl::StatusOr<std::string> text = ReadSmallFile(host_root.Path(absl::StrCat(kCpuDirectory, "/online")));
  if (!text.ok()) return text.status();
  absl::StatusOr<std::vector<int>> online = ParseCpuList(*text);
  if (online.ok() && online->empty()) {
    return absl::InvalidArgumentError(absl::StrCat(host_root.Path(kCpuDirectory), "/online names no CPU"));
  }
  return online;
}

absl::StatusOr<std::vector<PackageTopology>> ReadTopology(const HostRoot& host_root, CpuVendor vendor) {
  const absl::StatusOr<std::vector<int>> online_list = ReadOnlineCpus(host_root);
  if (!online_list.ok()) return online_list.status();
  const std::set<int> online(online_list->begin(), online_list->end());
  const std::vector<int> kept_clear = ReadKeptClearCpus(host_root);

  const bool per_die = vendor != CpuVendor::kAmd && vendor != CpuVendor::kHygon;
  constexpr int kOnlyDie = 0;
  std::map<std::pair<int, int>, PackageTopology> packages;
  std::set<int> in_a_core;
  for (const int cpu : online) {
    const absl::StatusOr<int> package_id = ReadId(host_root, cpu, "physical_package_id", nullptr);
    if (!package_id.ok()) return package_id.status();
    const absl::StatusOr<int> die_id = per_die ? ReadId(host_root, cpu, "die_id", &kOnlyDie) : kOnlyDie;
    if (!die_id.ok()) return die_id.status();
    const absl::StatusOr<int> core_id = ReadId(host_root, cpu, "core_id", &cpu);
    if (!core_id.ok()) return core_id.status();

    PackageTopology& package = packages[{*package_id, *die_id}];
    package.package_id = *package_id;
    package.die_id = *die_id;
    package.cpus.push_back(cpu);
    if (std::find(kept_clear.begin(), kept_clear.end(), cpu) != kept_clear.end()) package.kept_clear.push_back(cpu);
    if (in_a_core.contains(cpu)) continue;
    const absl::StatusOr<std::vector<int>> siblings = ReadSiblings(host_root, cpu);
    if (!siblings.ok()) return siblings.status();
    PhysicalCore core{.core_id = *core_id, .cpus = {cpu}};
    for (const int sibling : *siblings) {
      if (sibling > cpu && online.contains(sibling) && in_a_core.insert(sibling).second) core.cpus.push_back(sibling);
    }
    package.cores.push_back(std::move(core));
  }

  std::vector<PackageTopology> sorted;
  sorted.reserve(packages.size());
  for (auto& [ids, package] : packages) sorted.push_back(std::move(package));
  return sorted;
}

std::vector<CpuOnCore> OnCores(const std::vector<PackageTopology>& topology, absl::Span<const int> cpus) {
  std::vector<CpuOnCore> places;
  for (const int cpu : cpus) {
    places.push_back({.cpu = cpu, .core = cpu});
    for (const PackageTopology& package : topology) {
      for (const PhysicalCore& core : package.cores) {
        if (std::find(core.cpus.begin(), core.cpus.end(), cpu) != core.cpus.end()) {
          places.back().core = core.cpus.front();
          places.back().core_id = core.core_id;
        }
      }
    }
  }
  return places;
}

}  // namespace vrapl
