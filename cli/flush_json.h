// A flush as one JSON object on one line: the vocabulary of docs/output.md.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "sampler/flush_report.h"

namespace vrapl {

// Without a newline. Energies in ticks are exact; *_uj are differences of rounded totals. `phase`: that the report is
// of,
// "" where it is not of one.
std::string FlushToJson(const FlushReport& report, absl::string_view phase = "");

}  // namespace vrapl
