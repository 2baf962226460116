// Runs of commands as text for a person.
#pragma once

#include <string>
#include <vector>

#include "cli/run_result.h"

namespace vrapl {

// One run: its times, and a table of rows (the command, the VMs asked for, everything else) by counters; its phases.
std::string RunText(const RunsInfo& info, const RunResult& result);

// Several runs: for each command the median of each figure with its interval, and what does not fit.
std::string RunsText(const RunsInfo& info, const std::vector<RunResult>& results);

// The figures of a run that are worth a median: "wall time s", "command package-0 J", ... In the order of the first.
struct Figure {
  std::string name;
  double value = 0;
};
std::vector<Figure> FiguresOf(const RunsInfo& info, const RunResult& result);

// Whether the VM is one that was asked for.
bool IsAskedFor(const RunsInfo& info, const Interval::RowKey& key, const Interval::Row& row);

}  // namespace vrapl
