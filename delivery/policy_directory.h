// What the operator's files say a VM is told: DIRECTORY/UUID.conf, else DIRECTORY/NAME.conf, in the form of
// ParseGuestPolicyFile(). Threads: any.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace vrapl {

inline constexpr char kPolicyDirectory[] = "/etc/vrapl/guests";

struct PolicyFile {
  std::string path;
  std::string text;
};

// The file of this VM; nullopt where there is none. A name that is no file name ("a/b", "..") has none.
//
// Errors: that of a file which is there and cannot be read, or is longer than a policy can be.
absl::StatusOr<std::optional<PolicyFile>> ReadPolicyFile(const std::string& directory, absl::string_view uuid,
                                                         absl::string_view name);

}  // namespace vrapl
