// Energat: (E - base) x share^gamma for each VM, share its part of the run time of a flush. Such powers do not add up:
// two VMs of half the time each claim 81 %. So not all energy is claimed, or more than there is, and what is left over
// (below 0: claimed twice) is told beside the rows.
//
// Source: He, Friedman, Rekatsinas, "EnergAt: Fine-Grained Energy Attribution for Multi-Tenancy", HotCarbon 2023.
#include <algorithm>
#include <cmath>

#include "attribution/simple_rules.h"

namespace vrapl {
namespace {

// Weights are parts of this: finer than any share that matters, and 2^20 VMs still sum up in 64 bits.
constexpr double kWhole = static_cast<double>(int64_t{1} << 42);

class Energat : public ModelRule {
 public:
  explicit Energat(double exponent) : exponent_(exponent) {}

  Pace pace() const override { return Pace::kFlush; }
  void Divide(const Move& move, Division& division) override {
    if (!move.base.known) {
      DivideByCapacity(move, division);  // of a flush as a whole, which is active-idle
      return;
    }
    if (move.rows.empty()) return;  // nobody to claim it: the idle row's
    division.floor = move.floor;
    division.active = move.energy - move.floor;
    division.whole = static_cast<uint64_t>(kWhole);
    division.unclaimed = true;
    // A VM's claim is made as one and goes to its rows by run time.
    group_ns_.clear();
    for (const RowTime& row : move.rows) {
      if (row.group >= 0) Of(row.group) += static_cast<double>(row.run_ns);
    }
    const auto busy_ns = static_cast<double>(std::max<int64_t>(move.busy_ns, 1));
    for (const RowTime& row : move.rows) {
      const auto own_ns = static_cast<double>(row.run_ns);
      const double claimant_ns = row.group >= 0 ? Of(row.group) : own_ns;
      const double claim = own_ns <= 0 ? 0 : std::pow(std::min(1.0, claimant_ns / busy_ns), exponent_);
      division.weights.push_back(claim <= 0 ? 0 : std::llround(claim * own_ns / claimant_ns * kWhole));
    }
  }
  Model Applied(bool base_known) const override { return base_known ? Model::kEnergat : Model::kActiveIdle; }
  bool ActiveKnown(bool base_known) const override { return base_known; }

 private:
  double& Of(int group) {
    const auto index = static_cast<size_t>(group);
    if (group_ns_.size() <= index) group_ns_.resize(index + 1);
    return group_ns_[index];
  }

  const double exponent_;
  std::vector<double> group_ns_;
};

}  // namespace

std::unique_ptr<ModelRule> MakeEnergat(double exponent) { return std::make_unique<Energat>(exponent); }

}  // namespace vrapl
