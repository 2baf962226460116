#include "delivery/policy_directory.h"

#include <sys/stat.h>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/host_root.h"

namespace vrapl {
namespace {

constexpr size_t kLongestPolicy = 64 * 1024;

bool IsFileName(absl::string_view name) {
  return !name.empty() && !absl::StartsWith(name, ".") && !absl::StrContains(name, '/');
}

}  // namespace

absl::StatusOr<std::optional<PolicyFile>> ReadPolicyFile(const std::string& directory, absl::string_view uuid,
                                                         absl::string_view name) {
  for (const std::string& stem : {absl::AsciiStrToLower(uuid), std::string(name)}) {
    if (!IsFileName(stem)) continue;
    PolicyFile file{.path = absl::StrCat(directory, "/", stem, ".conf")};
    absl::StatusOr<std::string> text = ReadSmallFile(file.path);
    struct stat link;
    if (absl::IsNotFound(text.status()) && ::lstat(file.path.c_str(), &link) != 0) continue;  // else it leads nowhere
    if (!text.ok()) return text.status();
    if (text->size() > kLongestPolicy) {
      return absl::InvalidArgumentError(absl::StrCat(file.path, " is no policy: it has ", text->size(), " bytes"));
    }
    file.text = *std::move(text);
    return file;
  }
  return std::nullopt;
}

}  // namespace vrapl
