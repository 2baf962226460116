// Phases of a recording: from one mark to the next, and the runs of the commands of `vrapl run`.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "sampler/replay.h"

namespace vrapl {

// Where each phase begins, ascending; it lasts to the next. Its label is that of the mark, or says which run it is:
// "run 2", "warm-up 0" (counted from 0), with "of COMMAND" where there are several commands. Of many runs, a mark's has
// its run behind it: "load (run 2)". What lies between two runs has the label "".
std::vector<RecordedRun::Mark> PhasesOf(const RecordedRun& run);

// The label of the last phase that begins at or before `t_ns`; "" before the first and between runs. Points into
// `phases`.
absl::string_view PhaseAt(const std::vector<RecordedRun::Mark>& phases, int64_t t_ns);

// What a person calls a phase without a label: "before the first mark", or "outside the runs".
absl::string_view NameOfNoPhase(const RecordedRun& run);

}  // namespace vrapl
