// The options that replay, export, report and compare share: which part of a recording, in which windows, by which
// models.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "sampler/replay.h"

namespace vrapl {

// As typed.
struct ReplayArguments {
  std::string file;
  std::string by;
  std::string window;
  bool phases = false;
  std::string from;
  std::string to;
  std::string model;
  std::string base_power;
  std::string idle = "own";
  std::vector<std::string> vms;
};

// FILE, --from, --to, --model, --window, --phases, --base-power and --idle: of everything that reads a recording. --by
// and --vm mean something else in each verb; those add them themselves.
void AddReplayOptions(CLI::App& app, ReplayArguments& arguments);

// All but `by` and `vms`. Errors: INVALID_ARGUMENT, by name of the option, also for options that contradict each other.
absl::StatusOr<ReplayOptions> ToReplayOptions(const ReplayArguments& arguments);

}  // namespace vrapl
