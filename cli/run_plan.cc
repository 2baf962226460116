#include "cli/run_plan.h"

#include <random>
#include <utility>

namespace vrapl {
namespace {

// The standard leaves its distributions and its shuffle to each library; only the generators are the same everywhere.
// The bias of the remainder is 2^-30.
uint32_t Below(std::mt19937& random, uint32_t count) { return random() % count; }

void Shuffle(std::vector<PlannedRun>& round, std::mt19937& random) {
  for (size_t i = round.size(); i > 1; --i) std::swap(round[i - 1], round[Below(random, static_cast<uint32_t>(i))]);
}

}  // namespace

std::vector<PlannedRun> PlanRuns(int commands, int repeats, int warmups, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<PlannedRun> plan;
  for (int round = 0; round < warmups + repeats; ++round) {
    const bool warmup = round < warmups;
    std::vector<PlannedRun> runs;
    for (int command = 0; command < commands; ++command) {
      runs.push_back({.command = command, .repetition = warmup ? round : round - warmups, .warmup = warmup});
    }
    Shuffle(runs, random);
    plan.insert(plan.end(), runs.begin(), runs.end());
  }
  return plan;
}

}  // namespace vrapl
