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
  }
  return "unknown";
}

std::optional<Model> ModelByName(absl::string_view name) {
  for (const Model model : {Model::kBaseShare, Model::kShare, Model::kCapacity}) {
    if (name == ModelName(model)) return model;
  }
  return std::nullopt;
}

}  // namespace vrapl
