#include "attribution/model.h"

namespace vrapl {

absl::string_view ModelName(Model model) {
  switch (model) {
    case Model::kBaseShare:
      return "base-share";
    case Model::kShare:
      return "share";
    case Model::kCapacity:
      return "capacity";
    case Model::kActiveIdle:
      return "active-idle";
    case Model::kSmt:
      return "smt";
    case Model::kEnergat:
      return "energat";
    case Model::kCore:
      return "core";
    case Model::kFit:
      return "fit";
  }
  return "unknown";
}

std::optional<Model> ModelByName(absl::string_view name) {
  for (const Model model : kModels) {
    if (name == ModelName(model)) return model;
  }
  return std::nullopt;
}

std::vector<std::string> ModelNames() {
  std::vector<std::string> names;
  for (const Model model : kModels) names.emplace_back(ModelName(model));
  return names;
}

bool ClaimsAll(Model model) { return model != Model::kEnergat; }

Model Weaker(Model a, Model b) {
  for (const Model weak : {Model::kCapacity, Model::kActiveIdle, Model::kBaseShare}) {
    if (a == weak || b == weak) return weak;
  }
  return a;
}

}  // namespace vrapl
