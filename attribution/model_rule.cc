#include "attribution/model_rule.h"

#include <cmath>

#include "attribution/simple_rules.h"
#include "attribution/sub_ticks.h"

namespace vrapl {

uint64_t BaseEnergy(const BasePower& base, int64_t dt_ns) {
  if (!base.known || base.ticks_per_second <= 0) return 0;
  return static_cast<uint64_t>(
      std::llround(base.ticks_per_second * static_cast<double>(kSubTicksPerTick) * 1e-9 * static_cast<double>(dt_ns)));
}

std::unique_ptr<ModelRule> MakeModelRule(Model model, const ModelOptions& options) {
  switch (model) {
    case Model::kBaseShare:
      return MakeBaseShare();
    case Model::kShare:
      return MakeShare();
    case Model::kCapacity:
      return MakeCapacity();
    case Model::kActiveIdle:
      return MakeActiveIdle();
    case Model::kSmt:
      return MakeSmt(options.smt_shared_weight);
    case Model::kEnergat:
      return MakeEnergat(options.energat_exponent);
    case Model::kCore:
      return MakeCore(options.nanojoules_per_tick);
    case Model::kFit:
      return MakeFit();
  }
  return MakeBaseShare();
}

}  // namespace vrapl
