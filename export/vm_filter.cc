#include "export/vm_filter.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/closest_word.h"

namespace vrapl {

bool VmFilter::Wants(absl::string_view uuid, absl::string_view name) {
  if (asked_.empty()) return true;
  if (uuid.empty() && name.empty()) return false;
  seen_.emplace(name.empty() ? uuid : name);
  bool wanted = false;
  for (size_t i = 0; i < asked_.size(); ++i) {
    if (asked_[i] == name || asked_[i] == uuid) wanted = found_[i] = true;
  }
  return wanted;
}

absl::Status VmFilter::AllFound() const {
  for (size_t i = 0; i < asked_.size(); ++i) {
    if (found_[i]) continue;
    const std::optional<std::string> meant =
        ClosestWord(asked_[i], std::vector<std::string>(seen_.begin(), seen_.end()));
    return absl::NotFoundError(absl::StrCat("--vm=", asked_[i], ": no such VM in what is exported; ",
                                            meant           ? absl::StrCat("did you mean ", *meant, "?")
                                            : seen_.empty() ? "there is none at all"
                                                            : absl::StrCat("there are ", absl::StrJoin(seen_, ", "))));
  }
  return absl::OkStatus();
}

}  // namespace vrapl
