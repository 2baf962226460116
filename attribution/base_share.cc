// Base-share: base power x dt to the idle row, what is above it by run time. Capacity stands in while no base is known.
#include <algorithm>

#include "attribution/simple_rules.h"

namespace vrapl {
namespace {

constexpr int64_t kCatchUpNs = 10'000'000;

class BaseShare : public ModelRule {
 public:
  void Divide(const Move& move, Division& division) override {
    if (!move.base.known) {
      DivideByCapacity(move, division);
      return;
    }
    division.floor = allowance_.Take(move, move.base);
    division.active = move.energy - division.floor;
    for (const RowTime& row : move.rows) division.weights.push_back(row.run_ns);
  }
  Model Applied(bool base_known) const override { return base_known ? Model::kBaseShare : Model::kCapacity; }
  bool ActiveKnown(bool base_known) const override { return base_known; }
  void Forget() override { allowance_.Forget(); }

 private:
  IdleAllowance allowance_;
};

}  // namespace

uint64_t IdleAllowance::Take(const Move& move, const BasePower& base) {
  allowance_ += BaseEnergy(base, move.dt_ns);
  const uint64_t floor = std::min(move.energy, allowance_);
  allowance_ = std::min(allowance_ - floor, BaseEnergy(base, kCatchUpNs));
  return floor;
}

std::unique_ptr<ModelRule> MakeBaseShare() { return std::make_unique<BaseShare>(); }

}  // namespace vrapl
