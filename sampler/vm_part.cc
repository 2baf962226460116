#include "sampler/vm_part.h"

#include <algorithm>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "vm/vcpu_threads.h"

namespace vrapl {
namespace {

std::optional<pid_t> ProcessId(absl::string_view digits) {
  pid_t pid = 0;
  const bool all_digits = std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!all_digits || !absl::SimpleAtoi(digits, &pid) || pid <= 0) return std::nullopt;
  return pid;
}

}  // namespace

std::string PartOfThread(absl::string_view comm) {
  if (const std::optional<int> vcpu = VcpuIndexOfThread(comm)) return absl::StrCat("vcpu", *vcpu);
  // The monitor has an iothread of its own, which no device uses.
  if (absl::StartsWith(comm, "IO ") && comm != "IO mon_iothread") return "io";
  if (comm == "worker" || absl::StartsWith(comm, "iou-wrk-") || absl::StartsWith(comm, "iou-sqp-")) return "worker";
  if (absl::StartsWith(comm, "vhost-")) return "vhost";
  if (absl::StartsWith(comm, "kvm-")) return "kvm";
  return "emulator";
}

KernelWorker KernelWorkerOfName(absl::string_view comm) {
  absl::string_view rest = comm;
  if (absl::ConsumePrefix(&rest, "vhost-")) {
    if (const std::optional<pid_t> owner = ProcessId(rest)) return {"vhost", *owner};
  } else if (absl::ConsumePrefix(&rest, "kvm-pit/")) {
    if (const std::optional<pid_t> owner = ProcessId(rest)) return {"kvm", *owner};
  } else if (absl::ConsumePrefix(&rest, "kvm-nx-lpage-re")) {
    absl::ConsumePrefix(&rest, "covery-");
    return {"kvm", ProcessId(rest).value_or(0)};
  }
  return {};
}

}  // namespace vrapl
