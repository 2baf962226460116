// "Did you mean": the word of a list that somebody most likely meant.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace vrapl {

// The word with the fewest slips (a letter too many, too few or wrong, two swapped) from `typed`: at most two, and
// fewer than the word is long. The first of equals.
std::optional<std::string> ClosestWord(absl::string_view typed, const std::vector<std::string>& words);

}  // namespace vrapl
