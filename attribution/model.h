// The attribution models by name. A model says who is charged how much of a window's energy; each has its formula in a
// file of its own, and docs/models.md says when it is wrong.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace vrapl {

enum class Model : uint8_t {
  kBaseShare,   // the base power to the idle row, what is above it by run time
  kShare,       // all energy by run time, E x T_row / T_busy, once per flush
  kCapacity,    // by share of all CPU time, E x T_row / (CPUs x dt); what is left to the idle row
  kActiveIdle,  // per flush, E x busy / capacity by run time, the rest to the idle row
  kSmt,         // as base-share, with run time beside a busy SMT sibling weighing less than run time alone
  kEnergat,     // (E - base) x share^0.3 for each VM; these do not add up to what was used
  kCore,        // what each core used, by its own counter, to who ran on it; the rest as base-share
  kFit,         // as base-share, by run time times what a fit of power on run time found each VM to draw
};

inline constexpr std::array kModels = {Model::kBaseShare, Model::kShare,   Model::kCapacity, Model::kActiveIdle,
                                       Model::kSmt,       Model::kEnergat, Model::kCore,     Model::kFit};

absl::string_view ModelName(
    Model model);  // "base-share", "share", "capacity", "active-idle", "smt", "energat", "core", "fit"
std::optional<Model> ModelByName(absl::string_view name);
std::vector<std::string> ModelNames();

// Whether the rows of the model sum to what the counter moved. If not, what is left over or claimed twice is told.
bool ClaimsAll(Model model);

// Of the models that charged parts of one whole, the one to tell: capacity stands in where no base is known, base-share
// where fit's samples told nothing, or no core's counter is there for core.
Model Weaker(Model a, Model b);

}  // namespace vrapl
