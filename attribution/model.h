// The attribution models by name. A model says who is charged how much of a window's energy; formulas in ledger.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace vrapl {

enum class Model : uint8_t {
  kBaseShare,  // the base power to the idle row, what is above it by run time
  kShare,      // all energy by run time, E x T_row / T_busy, once per flush
  kCapacity,   // by share of all CPU time, E x T_row / (CPUs x dt); what is left to the idle row
};

absl::string_view ModelName(Model model);  // "base-share", "share", "capacity"
std::optional<Model> ModelByName(absl::string_view name);

}  // namespace vrapl
