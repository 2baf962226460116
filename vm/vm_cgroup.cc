#include "vm/vm_cgroup.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace vrapl {
namespace {

bool IsLibvirtScope(absl::string_view name) {
  return absl::ConsumePrefix(&name, "machine-qemu\\x2d") && absl::ConsumeSuffix(&name, ".scope") && !name.empty();
}

bool IsLibvirtDirectory(absl::string_view name) { return absl::ConsumeSuffix(&name, ".libvirt-qemu") && !name.empty(); }

bool IsProxmoxScope(absl::string_view parent, absl::string_view name) {
  return parent == "qemu.slice" && absl::ConsumeSuffix(&name, ".scope") && !name.empty() &&
         std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// `path` up to and with its innermost VM's cgroup; "" without one.
absl::string_view MachinePath(absl::string_view path) {
  // Removed while the process was still in it.
  absl::ConsumeSuffix(&path, " (deleted)");
  absl::string_view found;
  absl::string_view parent;
  for (size_t begin = 0; begin < path.size();) {
    const size_t slash = std::min(path.find('/', begin), path.size());
    const absl::string_view name = path.substr(begin, slash - begin);
    if (IsLibvirtScope(name) || IsLibvirtDirectory(name) || IsProxmoxScope(parent, name)) found = path.substr(0, slash);
    parent = name;
    begin = slash + 1;
  }
  return found;
}

}  // namespace

std::string MachineCgroup(absl::string_view proc_cgroup) {
  // Each line is HIERARCHY:CONTROLLERS:PATH; v2 has hierarchy 0 and no controllers. Hierarchies of v1 need not agree.
  enum Rank { kUnified, kSystemd, kController, kNone };
  Rank best = kNone;
  absl::string_view found;
  for (const absl::string_view line : absl::StrSplit(proc_cgroup, '\n', absl::SkipEmpty())) {
    const size_t first = line.find(':');
    if (first == absl::string_view::npos) continue;
    const size_t second = line.find(':', first + 1);
    if (second == absl::string_view::npos) continue;
    const absl::string_view controllers = line.substr(first + 1, second - first - 1);
    const Rank rank = controllers.empty() ? kUnified : controllers == "name=systemd" ? kSystemd : kController;
    const absl::string_view path = MachinePath(line.substr(second + 1));
    if (path.empty() || rank >= best) continue;
    best = rank;
    found = path;
  }
  return std::string(found);
}

}  // namespace vrapl
