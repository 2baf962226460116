// The fit, seen through the ledger: whom it tells apart, when it says that it cannot, and that it follows.
#include <gmock/gmock.h>

#include <cmath>
#include <functional>
#include <random>

#include "attribution/ledger.h"
#include "attribution/symmetric_matrix.h"

namespace vrapl {
namespace {

constexpr int64_t kMs = 1'000'000;
constexpr double kWatt = 16.384;  // ticks per millisecond

// What one VM does in a millisecond, and what it truly draws for it.
struct MadeRun {
  int64_t solo_ns = 0;
  int64_t shared_ns = 0;
  double ticks = 0;
};

// Two VMs and a floor. The counter is read each millisecond and shows what was used up to its last update, which drifts
// against the reads: now this much, now that much of a sample's energy is of the sample before.
class FitHost {
 public:
  explicit FitHost(Model model, double floor_w = 20) : ledger_(model), floor_(floor_w * kWatt) {}

  Ledger& ledger() { return ledger_; }

  // A flush of two seconds, in which `run` says for each millisecond and VM what happens.
  Settlement Flush(const std::function<MadeRun(int vm, int64_t ms)>& run, int samples = 2000) {
    true_[0] = true_[1] = 0;
    for (int i = 0; i < samples; ++i, ++ms_) {
      std::vector<RowTime> rows;
      double used = floor_;
      for (int vm = 0; vm < 2; ++vm) {
        const MadeRun made = run(vm, ms_);
        used += made.ticks;
        true_[vm] += made.ticks;
        if (made.solo_ns + made.shared_ns == 0) continue;
        rows.push_back({.row = kFirstFreeRow + vm,
                        .run_ns = made.solo_ns + made.shared_ns,
                        .solo_ns = made.solo_ns,
                        .shared_ns = made.shared_ns,
                        .group = vm});
      }
      const double lag = std::fmod(static_cast<double>(ms_) * 1e-3, 1);
      const double shown = total_ + (1 - lag) * used;
      total_ += used;
      const auto ticks = static_cast<uint64_t>(std::max(0.0, shown - static_cast<double>(counted_)));
      counted_ += ticks;
      ledger_.Add({.dt_ns = kMs, .cpus = 4, .rows = rows}, ticks);
    }
    return ledger_.Settle();
  }
  // Of the flush before: how far off the VM is, as a part of what it truly used.
  double Error(const Settlement& settlement, int vm) const {
    return static_cast<double>(settlement.rows[static_cast<size_t>(kFirstFreeRow + vm)].ticks) / true_[vm] - 1;
  }

 private:
  Ledger ledger_;
  double floor_;
  int64_t ms_ = 0;
  double total_ = 0;
  uint64_t counted_ = 0;
  double true_[2] = {};
};

// On and off by turns of random length, each VM by itself.
class Bursts {
 public:
  explicit Bursts(double mean_ms, uint32_t seed = 1) : random_(seed), length_(1 / mean_ms) {}
  bool On(int vm, int64_t ms) {
    while (until_[vm] <= ms) {
      until_[vm] += 1 + static_cast<int64_t>(length_(random_));
      on_[vm] = !on_[vm];
    }
    return on_[vm];
  }

 private:
  std::mt19937 random_;
  std::exponential_distribution<double> length_;
  int64_t until_[2] = {};
  bool on_[2] = {};
};

MadeRun Alone(bool on, double watts) { return on ? MadeRun{.solo_ns = kMs, .ticks = watts * kWatt} : MadeRun{}; }

TEST(FitTest, TellsVmsOfDifferentPowerApart) {
  FitHost host(Model::kFit);
  FitHost plain(Model::kBaseShare);
  Bursts bursts(8);
  Bursts same(8);
  Settlement fit, base_share;
  for (int flush = 0; flush < 12; ++flush) {
    fit = host.Flush([&](int vm, int64_t ms) { return Alone(bursts.On(vm, ms), vm == 0 ? 4 : 12); });
    base_share = plain.Flush([&](int vm, int64_t ms) { return Alone(same.On(vm, ms), vm == 0 ? 4 : 12); });
  }
  EXPECT_EQ(fit.model, Model::kFit);
  EXPECT_TRUE(fit.active_known);
  EXPECT_NEAR(fit.base.ticks_per_second / (kWatt * 1e3), 20, 0.3);
  for (int vm = 0; vm < 2; ++vm) EXPECT_NEAR(host.Error(fit, vm), 0, 0.02) << vm;
  EXPECT_GT(plain.Error(base_share, 0), 0.2) << "what there is to be won";
}

TEST(FitTest, SaysThatItIsBaseShareWhenVmsAlwaysRunTogether) {
  FitHost host(Model::kFit);
  Bursts bursts(8);
  for (int flush = 0; flush < 12; ++flush) {
    const Settlement settlement =
        host.Flush([&](int vm, int64_t ms) { return Alone(bursts.On(0, ms), vm == 0 ? 4 : 12); });
    EXPECT_NE(settlement.model, Model::kFit) << flush;
    const auto a = static_cast<double>(settlement.rows[kFirstFreeRow].ticks);
    const auto b = static_cast<double>(settlement.rows[kFirstFreeRow + 1].ticks);
    EXPECT_NEAR(a, b, 2) << "by run time, which is equal";
  }
}

TEST(FitTest, IsNotWorseThanBaseShareWhereVmsAreAlike) {
  FitHost host(Model::kFit);
  FitHost plain(Model::kBaseShare);
  Bursts bursts(3);
  Bursts same(3);
  for (int flush = 0; flush < 12; ++flush) {
    const Settlement fit = host.Flush([&](int vm, int64_t ms) { return Alone(bursts.On(vm, ms), 7); });
    const Settlement base_share = plain.Flush([&](int vm, int64_t ms) { return Alone(same.On(vm, ms), 7); });
    if (flush < 5) continue;
    for (int vm = 0; vm < 2; ++vm) {
      EXPECT_LE(std::abs(host.Error(fit, vm)), std::abs(plain.Error(base_share, vm)) + 0.02) << flush << " " << vm;
    }
  }
}

TEST(FitTest, FollowsAChangeOfPhaseWithinAFewFlushes) {
  FitHost host(Model::kFit);
  Bursts bursts(8);
  Settlement settlement;
  for (int flush = 0; flush < 16; ++flush) {
    settlement = host.Flush([&](int vm, int64_t ms) {
      const bool first = vm == 0;
      return Alone(bursts.On(vm, ms), (flush < 8) == first ? 4 : 12);
    });
    if (flush < 11) continue;
    for (int vm = 0; vm < 2; ++vm) EXPECT_NEAR(host.Error(settlement, vm), 0, 0.05) << flush << " " << vm;
  }
}

// The same VM alone and beside a sibling: a thread beside another draws 0.6 of one that is alone.
TEST(FitTest, LearnsWhatASiblingCosts) {
  FitHost host(Model::kFit);
  Bursts bursts(8);
  Settlement settlement;
  for (int flush = 0; flush < 15; ++flush) {
    settlement = host.Flush([&](int vm, int64_t ms) -> MadeRun {
      if (vm == 0) return Alone(bursts.On(0, ms), 10);  // a core to itself
      return bursts.On(1, ms) ? MadeRun{.shared_ns = 2 * kMs, .ticks = 12 * kWatt} : MadeRun{};
    });
  }
  EXPECT_EQ(settlement.model, Model::kFit);
  for (int vm = 0; vm < 2; ++vm) EXPECT_NEAR(host.Error(settlement, vm), 0, 0.03) << vm;
}

// Short flushes learn across their ends.
TEST(FitTest, LearnsFromFlushesOfAnyLength) {
  FitHost host(Model::kFit);
  Bursts bursts(8);
  int fitted = 0;
  for (int flush = 0; flush < 400; ++flush) {
    const Settlement settlement =
        host.Flush([&](int vm, int64_t ms) { return Alone(bursts.On(vm, ms), vm == 0 ? 4 : 12); }, 50);
    fitted += settlement.model == Model::kFit ? 1 : 0;
  }
  EXPECT_GT(fitted, 200);
}

// The number of a VM that stopped is another's: what the first drew says nothing about it.
TEST(FitTest, ARowThatWasRetiredIsNobodyKnown) {
  FitHost host(Model::kFit);
  Bursts bursts(8);
  for (int flush = 0; flush < 8; ++flush) {
    host.Flush([&](int vm, int64_t ms) { return Alone(bursts.On(vm, ms), vm == 0 ? 4 : 12); });
  }
  for (int vm = 0; vm < 2; ++vm) host.ledger().Retire(kFirstFreeRow + vm, kUnreportedRow);
  // Too short to learn from: both are new, so both are charged alike.
  const Settlement settlement = host.Flush([&](int, int64_t) { return Alone(true, 8); }, 500);
  EXPECT_NEAR(static_cast<double>(settlement.rows[kFirstFreeRow].ticks),
              static_cast<double>(settlement.rows[kFirstFreeRow + 1].ticks), 2);
}

TEST(FitTest, AGivenBaseIsKept) {
  FitHost host(Model::kFit, 20);
  host.ledger().GiveBase(20 * kWatt * 1e3);
  Bursts bursts(8);
  Settlement settlement;
  for (int flush = 0; flush < 8; ++flush) {
    settlement = host.Flush([&](int vm, int64_t ms) { return Alone(bursts.On(vm, ms), vm == 0 ? 4 : 12); });
  }
  EXPECT_TRUE(settlement.base.given);
  EXPECT_EQ(settlement.base.ticks_per_second, 20 * kWatt * 1e3);
  for (int vm = 0; vm < 2; ++vm) EXPECT_NEAR(host.Error(settlement, vm), 0, 0.02) << vm;
}

TEST(FitTest, SaysHowUnsureItIs) {
  FitHost host(Model::kFit);
  Bursts bursts(40);
  const auto both = [&](int vm, int64_t ms) {
    return bursts.On(vm, ms) ? MadeRun{.solo_ns = kMs, .ticks = (vm == 0 ? 12 : 4) * kWatt} : MadeRun{};
  };
  for (int flush = 0; flush < 20; ++flush) host.Flush(both);
  for (int flush = 0; flush < 10; ++flush) {
    const Settlement settlement = host.Flush(both);
    for (int vm = 0; vm < 2; ++vm) {
      const RowEnergy& row = settlement.rows[static_cast<size_t>(kFirstFreeRow + vm)];
      const double said = row.model_err_ticks / static_cast<double>(row.ticks);
      EXPECT_GE(said, std::abs(host.Error(settlement, vm)));
      EXPECT_LT(said, 0.2);
    }
  }
}

TEST(FitTest, WhoIsAloneHasItAllWhateverTheFitFound) {
  FitHost host(Model::kFit);
  Bursts bursts(40);
  const auto one = [&](int vm, int64_t ms) {
    return vm == 0 && bursts.On(vm, ms) ? MadeRun{.solo_ns = kMs, .ticks = 12 * kWatt} : MadeRun{};
  };
  for (int flush = 0; flush < 10; ++flush) {
    const Settlement settlement = host.Flush(one);
    const RowEnergy& row = settlement.rows[kFirstFreeRow];
    EXPECT_LT(row.model_err_ticks, 1e-3 * static_cast<double>(row.ticks));
  }
}

TEST(SymmetricMatrixTest, InverseTimesMatrixIsOne) {
  std::mt19937 random(1);
  std::normal_distribution<double> normal;
  for (const size_t size : {1u, 2u, 7u, 40u}) {
    SymmetricMatrix matrix(size);
    std::vector<std::vector<double>> factors(size + 5, std::vector<double>(size));
    for (std::vector<double>& factor : factors) {
      for (size_t i = 0; i < size; ++i) factor[i] = normal(random) * std::pow(10.0, static_cast<double>(i % 5));
      for (size_t i = 0; i < size; ++i) {
        for (size_t j = 0; j <= i; ++j) matrix.at(i, j) += factor[i] * factor[j];
      }
    }
    matrix.Mirror();
    const SymmetricMatrix inverse = matrix.Inverse();
    for (size_t i = 0; i < size; ++i) {
      for (size_t j = 0; j < size; ++j) {
        double product = 0;
        for (size_t k = 0; k < size; ++k) product += matrix.at(i, k) * inverse.at(k, j);
        const double scale = std::sqrt(matrix.at(i, i) / matrix.at(j, j));
        EXPECT_NEAR(product / scale, i == j ? 1 : 0, 1e-6) << size;
      }
    }
  }
}

TEST(SymmetricMatrixTest, WhatIsSingularIsInvertedNearby) {
  SymmetricMatrix matrix(2);
  matrix.at(0, 0) = matrix.at(1, 1) = 1;
  matrix.Set(0, 1, 1);
  const SymmetricMatrix inverse = matrix.Inverse();
  EXPECT_TRUE(std::isfinite(inverse.at(0, 0)));
}

}  // namespace
}  // namespace vrapl
