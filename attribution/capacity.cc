// Capacity: E x T_row / (CPUs x dt), as QEMU and Scaphandre do. The idle row gets what idle CPU time is worth.
#include <algorithm>

#include "attribution/simple_rules.h"

namespace vrapl {
namespace {

class Capacity : public ModelRule {
 public:
  void Divide(const Move& move, Division& division) override { DivideByCapacity(move, division); }
  Model Applied(bool) const override { return Model::kCapacity; }
  bool ActiveKnown(bool) const override { return false; }
};

}  // namespace

void DivideByCapacity(const Move& move, Division& division) {
  for (const RowTime& row : move.rows) division.weights.push_back(row.run_ns);
  division.whole = static_cast<uint64_t>(std::max(move.capacity_ns, move.busy_ns));
}

std::unique_ptr<ModelRule> MakeCapacity() { return std::make_unique<Capacity>(); }

}  // namespace vrapl
