// Flushes as tidy CSV: a header, then one line per row of each flush. What describes the run is not in it.
#pragma once

#include <string>

#include "sampler/flush_report.h"

namespace vrapl {

std::string FlushCsvHeader();
std::string FlushToCsv(const FlushReport& report);  // every model, each line with its newline

}  // namespace vrapl
