// Made hosts by name, each to show one thing that attribution has to cope with. What is not fixed by the name (powers,
// lengths of bursts, cores, the counter's period) is drawn from the seed.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "ground_truth/recorded_schedule.h"
#include "ground_truth/synthetic_host.h"

namespace vrapl {

struct PackagePlan {
  PackageTraits traits;
  CounterTraits counter;
  std::vector<ThreadSpec> threads;
  std::vector<RecordedWindow> recorded;  // empty: threads run by their own demand
};

struct HostPlan {
  std::vector<std::string> rows;  // names; VMs first, then "other" and "vrapl"
  int vms = 0;
  std::vector<PackagePlan> packages;
};

struct Scenario {
  std::string name;
  std::string shows;  // what it is for, in a sentence
};

// All of them, in the order of the table. "recorded" is not among them: it needs a recording.
const std::vector<Scenario>& Scenarios();

// `name` is one of Scenarios().
HostPlan PlanHost(absl::string_view name, uint64_t seed);

// Threads of a recording, under made powers. The busiest processes get a row each; the others are "other".
HostPlan PlanRecordedHost(const RecordedRunTimes& recorded, uint64_t seed);

// One SyntheticHost for each package.
std::vector<std::unique_ptr<SyntheticHost>> Start(const HostPlan& host, uint64_t seed);

// Seeds that models and their constants were tuned on, and those that are kept for the table.
inline constexpr uint64_t kTuningSeeds[] = {1, 2, 3};
inline constexpr uint64_t kHeldOutSeeds[] = {6007, 7001, 8009, 9001, 10007};

}  // namespace vrapl
