// Runs of commands as text for a person.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "cli/run_result.h"

namespace vrapl {

// One run: its times, and a table of rows (the command, the VMs asked for, everything else) by counters; its phases.
std::string RunText(const RunsInfo& info, const RunResult& result);

// Several runs: for each command the median of each figure with its interval, and what does not fit; how many
// failed or were cut by a signal, whose figures are left out.
std::string RunsText(const RunsInfo& info, const std::vector<RunResult>& results);

// A line of the table: energy by counter, and run time, which each counter of a package shows.
struct TableLine {
  int64_t run_time_ns = 0;
  std::map<Interval::CounterKey, int64_t> energy_uj;
  std::map<Interval::CounterKey, std::optional<int64_t>> err_uj;  // 95 %; those of several VMs are added
};
// The lines of the first model with their names, the command first, then VMs, then the rest in the order of RowKind.
std::vector<std::pair<std::string, TableLine>> LinesOf(const RunsInfo& info, const Interval& interval);

// Whether the VM is one that was asked for.
bool IsAskedFor(const RunsInfo& info, const Interval::RowKey& key, const Interval::Row& row);

}  // namespace vrapl
