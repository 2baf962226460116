// Core: what the counters of single cores gave to the rows that ran on them (RowTime::core_nj) is theirs, and what the
// package used beside that and its base goes by run time, as in base-share, which stands in where there are none.
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
    any_core_ = any_core_ || (nj_per_sub_tick_ > 0 && cores_nj > 0);
    busy_ = busy_ || move.busy_ns > 0;
    const bool by_core = nj_per_sub_tick_ > 0 && cores_nj > 0;
    if (!move.base.known) {
      if (!by_core) return DivideByCapacity(move, division);
      DivideWithoutBase(move, cores_nj, division);
      return;
    }
    division.floor = allowance_.Take(move, move.base);
    division.active = move.energy - division.floor;
    const double above_nj = static_cast<double>(*division.active) * nj_per_sub_tick_;
    const double rest_nj = std::max(0.0, above_nj - cores_nj);
    const double nj_per_ns = by_core && move.busy_ns > 0 ? rest_nj / static_cast<double>(move.busy_ns) : 0;
    for (const RowTime& row : move.rows) {
      division.weights.push_back(by_core ? Weight(row, nj_per_ns) : row.run_ns);
    }
  }
  Model Applied(bool base_known) const override {
    if (!base_known) return Model::kCapacity;
    return any_core_ || !busy_ ? Model::kCore : Model::kBaseShare;
  }
  bool ActiveKnown(bool base_known) const override { return base_known; }
  void Settled() override { any_core_ = busy_ = false; }
  void Forget() override { allowance_.Forget(); }

 private:
  // Weights are in parts of a nanojoule: a row that ran for a microsecond on a calm core has but a few.
  static constexpr double kPerNanojoule = 1024;

  static int64_t Weight(const RowTime& row, double nj_per_ns) {
    constexpr double kMost = 1e15;  // thousands of these sum to less than 2^63
    const double nj = static_cast<double>(row.core_nj) + nj_per_ns * static_cast<double>(row.run_ns);
    return std::llround(std::clamp(nj * kPerNanojoule, 0.0, kMost));
  }

  // What the cores did not use goes as in capacity: a part of it to those who ran, the rest to the idle row.
  void DivideWithoutBase(const Move& move, double cores_nj, Division& division) {
    const double all_nj = static_cast<double>(move.energy) * nj_per_sub_tick_;
    const double rest_nj = std::max(0.0, all_nj - cores_nj);
    const double nj_per_ns = move.capacity_ns > 0 ? rest_nj / static_cast<double>(move.capacity_ns) : 0;
    uint64_t sum = 0;
    for (const RowTime& row : move.rows) {
      division.weights.push_back(Weight(row, nj_per_ns));
      sum += static_cast<uint64_t>(division.weights.back());
    }
    const auto whole = static_cast<uint64_t>(std::llround(std::clamp(all_nj * kPerNanojoule, 0.0, 1e18)));
    division.whole = std::max(sum, whole);
  }

  const double nj_per_sub_tick_;
  IdleAllowance allowance_;
  bool any_core_ = false;  // since the last settlement
  bool busy_ = false;
};

}  // namespace

std::unique_ptr<ModelRule> MakeCore(double nanojoules_per_tick) { return std::make_unique<Core>(nanojoules_per_tick); }

}  // namespace vrapl
