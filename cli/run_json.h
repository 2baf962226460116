// Runs of a command as JSON; docs/run.md has the keys.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/run_result.h"

namespace vrapl {

std::string RunToJson(const RunsInfo& info, const RunResult& result);  // in one line
std::string OwnCostToJson(const OwnCost& cost);                        // likewise, {"own_cost": {...}}
// All of them in one object, with what they have in common and their summary.
std::string RunsToJson(const RunsInfo& info, const std::vector<RunResult>& results,
                       const std::optional<OwnCost>& own_cost);

}  // namespace vrapl
