// In which order commands are run: rounds, in each of which every command has its turn once, in an order of chance. So
// that what drifts (heat, another tenant) meets all commands alike. Pure.
#pragma once

#include <cstdint>
#include <vector>

namespace vrapl {

struct PlannedRun {
  int command = 0;     // which, from 0
  int repetition = 0;  // from 0, each kind by itself
  bool warmup = false;
  friend bool operator==(const PlannedRun&, const PlannedRun&) = default;
};

// `warmups` rounds whose results are not told, then `repeats` rounds. The same seed gives the same order on every
// machine.
std::vector<PlannedRun> PlanRuns(int commands, int repeats, int warmups, uint32_t seed);

}  // namespace vrapl
