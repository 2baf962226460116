#include "attribution/sub_ticks.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <numeric>
#include <random>

namespace vrapl {
namespace {

using testing::ElementsAre;

uint64_t Sum(const std::vector<uint64_t>& values) { return std::accumulate(values.begin(), values.end(), uint64_t{0}); }

TEST(DivideTest, WhatRoundingLeavesGoesToTheLargestRow) {
  const std::vector<int64_t> weights = {1, 3, 3};
  std::vector<uint64_t> parts(3);
  Divide(10, weights, absl::MakeSpan(parts));
  EXPECT_THAT(parts, ElementsAre(1, 5, 4));  // 1.43, 4.29, 4.29: one left over, to the first of the largest
}

TEST(DivideTest, NothingIsLostForAnyWeights) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 2000; ++round) {
    std::vector<int64_t> weights(1 + random() % 50);
    for (int64_t& weight : weights)
      weight = static_cast<int64_t>(random() % 4 == 0 ? 0 : random() >> (24 + random() % 38));
    std::vector<uint64_t> parts(weights.size());
    const uint64_t amount = random() >> (random() % 60);
    Divide(amount, weights, absl::MakeSpan(parts));
    const bool any = std::any_of(weights.begin(), weights.end(), [](int64_t weight) { return weight > 0; });
    ASSERT_EQ(Sum(parts), any ? amount : 0);
    for (size_t i = 0; i < parts.size(); ++i) {
      ASSERT_TRUE(weights[i] > 0 || parts[i] == 0) << "row " << i;
    }
  }
}

TEST(DivideTest, HugeAmountsTimesHugeWeightsDoNotOverflow) {
  const std::vector<int64_t> weights = {int64_t{1} << 61, int64_t{1} << 61};
  std::vector<uint64_t> parts(2);
  Divide(uint64_t{1} << 63, weights, absl::MakeSpan(parts));
  EXPECT_THAT(parts, ElementsAre(uint64_t{1} << 62, uint64_t{1} << 62));
}

TEST(SubTickTotalTest, CarriesIntoWholeTicks) {
  SubTickTotal total;
  total.Add(kSubTicksPerTick - 1);
  total.Add(2);
  EXPECT_EQ(total.ticks(), 1u);
  EXPECT_EQ(total.fraction(), 1u);
}

// Parts are the quotient rounded down, to the last sub-tick, however it is computed: near whole quotients above all.
TEST(DivideTest, PartsAreRoundedDownExactly) {
  std::mt19937_64 random(5);
  std::vector<int64_t> weights(4);
  std::vector<uint64_t> parts(4);
  for (int trial = 0; trial < 300'000; ++trial) {
    const int bits = 1 + static_cast<int>(random() % 60);
    const uint64_t whole = 1 + random() % (uint64_t{1} << bits);
    const uint64_t amount = random() % (uint64_t{1} << (1 + random() % 55));
    for (int64_t& weight : weights) {
      // A weight whose part is a whole number, or just misses one.
      const uint64_t part = amount == 0 ? 0 : random() % (amount + 1);
      const auto exact = amount == 0 ? 0 : static_cast<uint64_t>(static_cast<unsigned __int128>(part) * whole / amount);
      const uint64_t near = std::min(whole, exact + random() % 2);
      weight = static_cast<int64_t>(random() % 2 == 0 ? near : random() % (whole + 1));
    }
    DivideOfWhole(amount, weights, whole, absl::MakeSpan(parts));
    for (size_t i = 0; i < weights.size(); ++i) {
      const auto expected =
          static_cast<uint64_t>(static_cast<unsigned __int128>(amount) * static_cast<uint64_t>(weights[i]) / whole);
      ASSERT_EQ(parts[i], expected) << amount << " x " << weights[i] << " / " << whole;
    }
  }
}

// The law of settlement, over many flushes of random shares: rows sum to the whole, in every flush, and no row is ever
// more than a tick and a half away from what it was charged.
TEST(TickSettlerTest, SumsExactlyAndFollowsEachRow) {
  std::mt19937_64 random(7);
  TickSettler settler;
  std::vector<uint64_t> charged;
  std::vector<uint64_t> settled;
  for (int flush = 0; flush < 3000; ++flush) {
    if (flush % 100 == 0) {
      charged.push_back(0);
      settled.push_back(0);
    }
    const uint64_t ticks = random() % (flush % 3 == 0 ? 3 : 100'000);
    std::vector<int64_t> weights(charged.size());
    for (int64_t& weight : weights) weight = random() % 3 == 0 ? 0 : static_cast<int64_t>(random() % 1000);
    weights[0] += 1;
    std::vector<uint64_t> owed(weights.size());
    Divide(ticks << kSubTickBits, weights, absl::MakeSpan(owed));
    const std::vector<uint64_t> paid = settler.Settle(owed);
    ASSERT_EQ(Sum(paid), ticks) << "flush " << flush;
    for (size_t i = 0; i < owed.size(); ++i) {
      charged[i] += owed[i];
      settled[i] += paid[i];
      const auto difference = static_cast<int64_t>(charged[i] - (settled[i] << kSubTickBits));
      ASSERT_LT(std::abs(difference), static_cast<int64_t>(kSubTicksPerTick * 3 / 2)) << "row " << i;
    }
  }
}

TEST(TickSettlerTest, ARowThatGoesAwayLeavesItsFractionToItsHeir) {
  TickSettler settler;
  constexpr uint64_t kHalf = kSubTicksPerTick / 2;
  EXPECT_THAT(settler.Settle({kHalf - 1, kHalf + 1}), ElementsAre(0, 1));
  settler.MoveCarry(1, 0);
  EXPECT_THAT(settler.Settle({kSubTicksPerTick, 0}), ElementsAre(1, 0));
}

}  // namespace
}  // namespace vrapl
