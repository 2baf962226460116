// Runs of a command as CSV: a line for each row of each run, and of each of its phases.
#pragma once

#include <string>

#include "cli/run_result.h"

namespace vrapl {

std::string RunCsvHeader();
std::string RunToCsv(const RunsInfo& info, const RunResult& result);

}  // namespace vrapl
