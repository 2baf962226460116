// Smt: as base-share, but run time beside a busy SMT sibling weighs less than run time alone on the core: two threads
// of a core draw little more than one. Time of which nobody knows what the sibling did weighs half-way between.
#include <algorithm>
#include <bit>
#include <cmath>

#include "attribution/simple_rules.h"

namespace vrapl {
namespace {

constexpr int64_t kOne = 256;

class Smt : public ModelRule {
 public:
  explicit Smt(double shared_weight)
      : shared_(std::clamp<int64_t>(std::llround(shared_weight * kOne), 0, 16 * kOne)),
        unknown_((kOne + shared_) / 2) {}

  void Divide(const Move& move, Division& division) override {
    if (!move.base.known) {
      DivideByCapacity(move, division);
      return;
    }
    division.floor = allowance_.Take(move, move.base);
    division.active = move.energy - division.floor;
    // Time that waited for days is rounded, so that weights and their sum stay whole numbers of 64 bits.
    const int shift = std::max(0, static_cast<int>(std::bit_width(static_cast<uint64_t>(move.busy_ns))) - 50);
    for (const RowTime& row : move.rows) {
      const int64_t unknown_ns = std::max<int64_t>(0, row.run_ns - row.solo_ns - row.shared_ns);
      division.weights.push_back((row.solo_ns >> shift) * kOne + (row.shared_ns >> shift) * shared_ +
                                 (unknown_ns >> shift) * unknown_);
    }
  }
  Model Applied(bool base_known) const override { return base_known ? Model::kSmt : Model::kCapacity; }
  bool ActiveKnown(bool base_known) const override { return base_known; }
  void Forget() override { allowance_.Forget(); }

 private:
  const int64_t shared_;
  const int64_t unknown_;
  IdleAllowance allowance_;
};

}  // namespace

std::unique_ptr<ModelRule> MakeSmt(double shared_weight) { return std::make_unique<Smt>(shared_weight); }

}  // namespace vrapl
