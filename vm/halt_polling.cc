#include "vm/halt_polling.h"

#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/host_root.h"

namespace vrapl {

void HaltPolling::Look() {
  total_ns_.clear();
  const absl::StatusOr<std::vector<std::string>> names = ListDirectory(directory_);
  if (!names.ok()) return;
  for (const std::string& name : *names) {
    const size_t dash = name.find('-');
    pid_t pid = 0;
    if (dash == std::string::npos || !absl::SimpleAtoi(name.substr(0, dash), &pid)) continue;
    const std::string vm = absl::StrCat(directory_, "/", name);
    const absl::StatusOr<int64_t> success_ns = ReadNumberFile(vm + "/halt_poll_success_ns");
    const absl::StatusOr<int64_t> fail_ns = ReadNumberFile(vm + "/halt_poll_fail_ns");
    // A process may have more than one: QEMU tries out what KVM can do.
    if (success_ns.ok() && fail_ns.ok()) total_ns_[pid] += *success_ns + *fail_ns;
  }
}

std::optional<int64_t> HaltPolling::TotalNs(pid_t pid) const {
  const auto total = total_ns_.find(pid);
  return total == total_ns_.end() ? std::nullopt : std::optional<int64_t>(total->second);
}

}  // namespace vrapl
