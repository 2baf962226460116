#include "export/phases.h"

#include <algorithm>

namespace vrapl {

absl::string_view PhaseAt(const std::vector<RecordedRun::Mark>& marks, int64_t t_ns) {
  const auto after = std::upper_bound(marks.begin(), marks.end(), t_ns,
                                      [](int64_t t, const RecordedRun::Mark& mark) { return t < mark.t_ns; });
  return after == marks.begin() ? absl::string_view() : std::prev(after)->label;
}

}  // namespace vrapl
