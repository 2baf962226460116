// --vm: which VMs were asked for, and whether each of them was there.
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace vrapl {

class VmFilter {
 public:
  // Names or UUIDs; none: every VM, and what is no VM too.
  explicit VmFilter(std::vector<std::string> asked) : asked_(std::move(asked)), found_(asked_.size()) {}

  // Both empty: what is no VM.
  bool Wants(absl::string_view uuid, absl::string_view name);
  // NOT_FOUND, with the names that there are, when one that was asked for has not been seen.
  absl::Status AllFound() const;

 private:
  std::vector<std::string> asked_;
  std::vector<bool> found_;
  std::set<std::string> seen_;
};

}  // namespace vrapl
