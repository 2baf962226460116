#include "base/closest_word.h"

#include <algorithm>
#include <numeric>

#include "absl/strings/ascii.h"

namespace vrapl {
namespace {

// Changes of one letter, and swaps of two neighbours, between two words (optimal string alignment).
size_t EditDistance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> before_last(b.size() + 1);
  std::vector<size_t> last(b.size() + 1);
  std::vector<size_t> row(b.size() + 1);
  std::iota(last.begin(), last.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const bool same = absl::ascii_tolower(a[i - 1]) == absl::ascii_tolower(b[j - 1]);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1)});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
    before_last.swap(last);
    last.swap(row);
  }
  return last[b.size()];
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
