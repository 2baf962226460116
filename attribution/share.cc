// Share: E x T_row / T_busy over the whole flush, all energy, the idle floor included. For a millisecond alone it would
// charge an idle host's floor to whoever wakes.
#include "attribution/simple_rules.h"

namespace vrapl {
namespace {

class Share : public ModelRule {
 public:
  Pace pace() const override { return Pace::kFlush; }
  void Divide(const Move& move, Division& division) override {
    for (const RowTime& row : move.rows) division.weights.push_back(row.run_ns);
    division.active = move.energy - move.floor;
  }
  Model Applied(bool) const override { return Model::kShare; }
  bool ActiveKnown(bool base_known) const override { return base_known; }
};

}  // namespace

std::unique_ptr<ModelRule> MakeShare() { return std::make_unique<Share>(); }

}  // namespace vrapl
