// Active-idle: per flush, E x T_busy / T_capacity is active and goes to rows by run time; the rest is idle and goes to
// the idle row, from where an idle policy may give it out by a rule of its own. As Kepler does since 0.10.
#include <algorithm>

#include "attribution/simple_rules.h"

namespace vrapl {
namespace {

class ActiveIdle : public ModelRule {
 public:
  Pace pace() const override { return Pace::kFlush; }
  void Divide(const Move& move, Division& division) override { DivideByCapacity(move, division); }
  Model Applied(bool) const override { return Model::kActiveIdle; }
  // What it calls active holds a part of the floor, so it is no energy above a base.
  bool ActiveKnown(bool) const override { return false; }
};

}  // namespace

std::unique_ptr<ModelRule> MakeActiveIdle() { return std::make_unique<ActiveIdle>(); }

}  // namespace vrapl
