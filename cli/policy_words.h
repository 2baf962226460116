// --policy KEY=VALUE, as serve and leak-test take it.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "delivery/guest_policy.h"

namespace vrapl {

void AddPolicyOption(CLI::App& app, std::vector<std::string>& words);

// Errors: INVALID_ARGUMENT, as ParseGuestPolicy() and for a word that is not KEY=VALUE.
absl::StatusOr<GuestPolicy> ParsePolicyWords(const std::vector<std::string>& words, bool may_be_shorter,
                                             const GuestPolicy& from);

}  // namespace vrapl
