// Core: what the counters of single cores gave to the rows that ran on them (RowTime::core_nj) is theirs, and what the
// package used beside that and its base goes by run time, as in base-share, which stands in where there are none; while
// no base is known, as in capacity.
#include <algorithm>
#include <cmath>

#include "attribution/simple_rules.h"
#include "attribution/sub_ticks.h"

namespace vrapl {
namespace {

class Core : public ModelRule {
 public:
  explicit Core(double nanojoules_per_tick)
      : nj_per_sub_tick_(nanojoules_per_tick / static_cast<double>(kSubTicksPerTick)) {}

  void Divide(const Move& move, Division& division) override {
    double cores_nj = 0;
    for (const RowTime& row : move.rows) cores_nj += static_cast<double>(row.core_nj);
    const bool by_core = nj_per_sub_tick_ > 0 && cores_nj > 0;
    if (move.busy_ns > 0 || by_core) (by_core ? by_core_ : by_time_) += static_cast<double>(move.energy);
    if (!move.base.known) {
      if (!by_core) return DivideByCapacity(move, division);
      DivideWithoutBase(move, cores_nj, division);
      return;
    }
    division.floor = allowance_.Take(move, move.base);
    division.active = move.energy - division.floor;
    if (!by_core) {
      for (const RowTime& row : move.rows) division.weights.push_back(row.run_ns);
      return;
    }
    const double rest_nj = std::max(0.0, static_cast<double>(*division.active) * nj_per_sub_tick_ - cores_nj);
    const double nj_per_ns = move.busy_ns > 0 ? rest_nj / static_cast<double>(move.busy_ns) : 0;
    const double scale = kWhole / (cores_nj + rest_nj);
    for (const RowTime& row : move.rows) division.weights.push_back(Weight(row, nj_per_ns, scale));
  }
  // Some updates of the package come without those of the cores; more than that, and it was another model's work.
  Model Applied(bool base_known) const override {
    if (by_time_ <= kMostByTime * (by_core_ + by_time_)) return Model::kCore;
    return base_known ? Model::kBaseShare : Model::kCapacity;
  }
  bool ActiveKnown(bool base_known) const override { return base_known; }
  void Settled() override { by_core_ = by_time_ = 0; }
  void Forget() override { allowance_.Forget(); }

 private:
  // Weights are parts of this: far finer than a tick, and thousands of roundings are no matter.
  static constexpr double kWhole = static_cast<double>(int64_t{1} << 44);
  static constexpr double kMostByTime = 0.1;

  static int64_t Weight(const RowTime& row, double nj_per_ns, double scale) {
    return std::llround((static_cast<double>(row.core_nj) + nj_per_ns * static_cast<double>(row.run_ns)) * scale);
  }

  // What the cores did not use goes as in capacity: a part of it to those who ran, the rest to the idle row.
  void DivideWithoutBase(const Move& move, double cores_nj, Division& division) {
    const double rest_nj = std::max(0.0, static_cast<double>(move.energy) * nj_per_sub_tick_ - cores_nj);
    const double there_was = static_cast<double>(std::max(move.capacity_ns, move.busy_ns));
    const double nj_per_ns = there_was > 0 ? rest_nj / there_was : 0;
    const double scale = kWhole / (cores_nj + rest_nj);
    uint64_t sum = 0;
    for (const RowTime& row : move.rows) {
      division.weights.push_back(Weight(row, nj_per_ns, scale));
      sum += static_cast<uint64_t>(division.weights.back());
    }
    division.whole = std::max(sum, static_cast<uint64_t>(kWhole));
  }

  const double nj_per_sub_tick_;
  IdleAllowance allowance_;
  // Sub-ticks since the last settlement that were divided with the cores' energy, and without.
  double by_core_ = 0;
  double by_time_ = 0;
};

}  // namespace

std::unique_ptr<ModelRule> MakeCore(double nanojoules_per_tick) { return std::make_unique<Core>(nanojoules_per_tick); }

}  // namespace vrapl
