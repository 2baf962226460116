// The energy sources, one row each: what `vrapl probe` needs to know to look at one. Reading them is the sampler's.
//
// Threads: any.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/domain_probe.h"
#include "base/host_root.h"
#include "sampler/backend.h"

namespace vrapl {

struct SourceKind {
  Backend backend;
  const char* name;  // the word of --backend
  const char* what;  // what is read
  absl::StatusOr<std::vector<PackageProbe>> (*probe)(const HostRoot& root, const BackendOptions& options);
  const char* absent_remedy;  // what brings it to a host whose kernel does not offer it
};

// In the order in which `auto` tries them.
absl::Span<const SourceKind> SourceKinds();

// What makes a source usable that gave `status`; "" when it is usable, or when nothing does. `program` is the path of
// vrapl, for setcap. In a virtual machine nothing inside it helps: its hypervisor decides.
std::string SourceRemedy(const SourceKind& kind, const absl::Status& status, bool in_virtual_machine,
                         absl::string_view program);

}  // namespace vrapl
