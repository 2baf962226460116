// What a person must know of a recording before its figures: on stderr.
#pragma once

#include "sampler/replay.h"

namespace vrapl {

// What is missing from it; whether the run came to its end.
void TellDamage(const RecordedRun& run);

}  // namespace vrapl
