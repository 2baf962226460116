// A flush as one JSON object on one line: the vocabulary of docs/output.md.
#pragma once

#include <string>

#include "sampler/flush_report.h"

namespace vrapl {

// Without a newline. Energies in ticks are exact; *_uj are differences of rounded totals.
std::string FlushToJson(const FlushReport& report);

}  // namespace vrapl
