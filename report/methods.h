// The paragraph and the table that a paper needs, from a recording: what was measured, on what, how, and how well.
// Threads: any.
#pragma once

#include <string>

#include "report/run_totals.h"
#include "sampler/replay.h"

namespace vrapl {

enum class MethodsFormat { kMarkdown, kLatex };

// Ends with a newline. Names of VMs are escaped as the format asks for.
std::string MethodsText(const RecordedRun& run, const RunTotals& totals, MethodsFormat format);

}  // namespace vrapl
