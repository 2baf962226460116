#include "delivery/energy_quantizer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <random>

namespace vrapl {
namespace {

constexpr int64_t kQuantumUj = 100'000;

// Whatever the energies, with noise or without: whole quanta, right to one quantum, never falling.
TEST(EnergyQuantizerTest, Laws) {
  std::mt19937_64 random(3);
  for (const int64_t quantum_uj : {int64_t{1}, int64_t{7}, kQuantumUj, int64_t{1'000'000}}) {
    for (const bool noise : {false, true}) {
      const EnergyQuantizer quantizer(quantum_uj, noise ? std::optional<uint64_t>(random()) : std::nullopt);
      int64_t energy_uj = 0;
      int64_t last_uj = 0;
      EXPECT_EQ(quantizer.Told(0), 0);  // an epoch begins with nothing, noise or not
      for (int i = 0; i < 20'000; ++i) {
        energy_uj += static_cast<int64_t>(random() % static_cast<uint64_t>(i % 3 == 0 ? 10 * quantum_uj : quantum_uj));
        const int64_t told_uj = quantizer.Told(energy_uj);
        ASSERT_EQ(told_uj % quantum_uj, 0);
        ASSERT_LT(std::abs(told_uj - energy_uj), quantum_uj);
        ASSERT_GE(told_uj, last_uj);
        ASSERT_EQ(quantizer.Told(energy_uj), told_uj);  // a second look tells no more
        last_uj = told_uj;
      }
    }
  }
}

// Over seeds the mean is the energy itself, at every place within a quantum.
TEST(EnergyQuantizerTest, NoiseHasNoBias) {
  constexpr int kSeeds = 20'000;
  for (const int64_t energy_uj : {int64_t{5'000}, int64_t{350'000}, int64_t{99'999}, int64_t{12'300'001}}) {
    double sum_uj = 0;
    std::mt19937_64 random(4);
    for (int i = 0; i < kSeeds; ++i)
      sum_uj += static_cast<double>(EnergyQuantizer(kQuantumUj, random()).Told(energy_uj));
    // The mean of so many has a standard deviation of half a quantum / sqrt(kSeeds) at most; five of them.
    EXPECT_NEAR(sum_uj / kSeeds, static_cast<double>(energy_uj), 5 * 0.5 * kQuantumUj / std::sqrt(kSeeds)) << energy_uj;
  }
}

// And over one epoch, in which points of neighbouring quanta have nothing to do with each other.
TEST(EnergyQuantizerTest, PointsOfQuantaAreIndependent) {
  const EnergyQuantizer quantizer(kQuantumUj, 11);
  int up = 0;
  int both = 0;
  bool before = false;
  constexpr int kQuanta = 40'000;
  for (int64_t whole = 0; whole < kQuanta; ++whole) {
    const int64_t half_uj = whole * kQuantumUj + kQuantumUj / 2;
    const bool now = quantizer.Told(half_uj) > half_uj;
    up += now ? 1 : 0;
    both += now && before ? 1 : 0;
    before = now;
  }
  EXPECT_NEAR(up, kQuanta / 2, 5 * std::sqrt(kQuanta) / 2);
  EXPECT_NEAR(both, kQuanta / 4, 5 * std::sqrt(kQuanta) / 2);
}

TEST(EnergyQuantizerTest, WithoutNoiseItRoundsDown) {
  const EnergyQuantizer quantizer(kQuantumUj);
  EXPECT_EQ(quantizer.Told(99'999), 0);
  EXPECT_EQ(quantizer.Told(100'000), 100'000);
  EXPECT_EQ(quantizer.Told(299'999), 200'000);
}

}  // namespace
}  // namespace vrapl
