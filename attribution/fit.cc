// Fit: as base-share, by run time times what each VM was found to draw.
#include "attribution/simple_rules.h"

namespace vrapl {
namespace {

// Base-share's weights, and says so: nothing has been learned yet.
class Fit : public ModelRule {
 public:
  Pace pace() const override { return Pace::kLate; }
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

std::unique_ptr<ModelRule> MakeFit() { return std::make_unique<Fit>(); }

}  // namespace vrapl
