// Phases of a run: from one mark to the next.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"
#include "sampler/replay.h"

namespace vrapl {

// The label of the last mark at or before `t_ns`; "" before the first. `marks` ascend. Points into `marks`.
absl::string_view PhaseAt(const std::vector<RecordedRun::Mark>& marks, int64_t t_ns);

}  // namespace vrapl
