// Flushes as tidy CSV: a header, then one line per row of each flush. What describes the run is not in it.
#pragma once

#include <string>

#include "sampler/flush_report.h"

namespace vrapl {

// `threads`: with the columns tid and comm at the end, where each thread has a row of its own.
std::string FlushCsvHeader(bool threads = false);
std::string FlushToCsv(const FlushReport& report, bool threads = false);  // every model, each line with its newline

}  // namespace vrapl
