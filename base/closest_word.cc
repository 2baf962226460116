#include "base/closest_word.h"

#include <algorithm>
#include <numeric>

namespace vrapl {
namespace {

// Levenshtein's distance, one row at a time.
size_t EditDistance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

}  // namespace

std::optional<std::string> ClosestWord(absl::string_view typed, const std::vector<std::string>& words) {
  std::optional<std::string> closest;
  size_t fewest = 3;
  for (const std::string& word : words) {
    const size_t slips = EditDistance(typed, word);
    if (slips < fewest && slips < word.size()) {
      fewest = slips;
      closest = word;
    }
  }
  return closest;
}

}  // namespace vrapl
