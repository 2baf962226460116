#include "report/power_distribution.h"

#include <gmock/gmock.h>

namespace vrapl {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::FloatNear;
using testing::IsEmpty;
using testing::SizeIs;

constexpr int64_t kMs = 1'000'000;

TEST(PowerDistributionTest, EmptyAndDoubleSamplesAreGoneIn10Ms) {
  PowerDistribution distribution;
  // 20 W that a counter shows as 0 and 40 in turn.
  for (int i = 1; i <= 1000; ++i) distribution.Add(i * kMs, kMs, i % 2 == 0 ? 40'000 : 0);
  EXPECT_EQ(distribution.stretches(), 100u);
  EXPECT_THAT(distribution.TakeQuantiles(4), Each(testing::DoubleNear(20, 1e-4)));
}

TEST(PowerDistributionTest, StretchesWeighAsMuchAsTheyLast) {
  PowerDistribution distribution;
  for (int i = 1; i <= 300; ++i) distribution.Add(i * 10 * kMs, 10 * kMs, 100'000);  // 3 s of 10 W
  distribution.Add(4'000 * kMs, 1'000 * kMs, 50'000'000);                            // one stall of 1 s, 50 W
  const std::vector<double> quantiles = distribution.TakeQuantiles(100);
  ASSERT_THAT(quantiles, SizeIs(101));
  EXPECT_NEAR(quantiles[74], 10, 1e-4);
  EXPECT_NEAR(quantiles[76], 50, 1e-4);
  EXPECT_NEAR(quantiles[100], 50, 1e-4);
}

TEST(PowerDistributionTest, NothingHasNoQuantiles) {
  PowerDistribution distribution;
  EXPECT_THAT(distribution.TakeQuantiles(10), IsEmpty());
}

}  // namespace
}  // namespace vrapl
