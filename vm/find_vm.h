// One VM out of a list, by the word a person typed.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "vm/vm.h"

namespace vrapl {

// `wanted` is a name or a uuid (in any case). `not_running` are the VMs that
// are defined only.
//
// Errors: NOT_FOUND says what exists: "no running VM named 'wbe'; running: web,
// db. Did you mean 'web'?", or "VM 'web' is defined but not running; start it:
// virsh start web". INVALID_ARGUMENT when several have that name.
absl::StatusOr<Vm> FindVm(const std::vector<Vm>& vms, absl::string_view wanted,
                          const std::vector<std::string>& not_running = {});

}  // namespace vrapl
