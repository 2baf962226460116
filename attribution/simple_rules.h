// The models that are one formula and learn nothing, except the base power that each move brings along.
#pragma once

#include <memory>

#include "attribution/model_rule.h"

namespace vrapl {

// What stands in for a model while no base power is known.
void DivideByCapacity(const Move& move, Division& division);

// Takes the idle row's part off a move: base power times time.
//
// The counter's updates come with jitter, so one move may hold less than the base and the next more. The idle row may
// catch up what it missed, but only 10 ms' worth: a base that is too high must not eat the energy of a later burst.
class IdleAllowance {
 public:
  uint64_t Take(const Move& move, const BasePower& base);
  void Forget() { allowance_ = 0; }

 private:
  uint64_t allowance_ = 0;  // sub-ticks: base power times time, less what was taken
};

std::unique_ptr<ModelRule> MakeCapacity();
std::unique_ptr<ModelRule> MakeShare();
std::unique_ptr<ModelRule> MakeBaseShare();
std::unique_ptr<ModelRule> MakeActiveIdle();
// `shared_weight`: from 0 to 1 and above, kept to 1/256.
std::unique_ptr<ModelRule> MakeSmt(double shared_weight);
std::unique_ptr<ModelRule> MakeEnergat(double exponent);
// `nanojoules_per_tick` of the counter; 0: it does not hold the cores' energy, and base-share stands in.
std::unique_ptr<ModelRule> MakeCore(double nanojoules_per_tick);
std::unique_ptr<ModelRule> MakeFit();

}  // namespace vrapl
