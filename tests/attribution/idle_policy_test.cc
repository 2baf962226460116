#include "attribution/idle_policy.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <random>

namespace vrapl {
namespace {

using testing::ElementsAre;

constexpr int64_t kSecond = 1'000'000'000;
constexpr IdlePolicy kAll[] = {IdlePolicy::kOwn, IdlePolicy::kProportional, IdlePolicy::kEqual, IdlePolicy::kVcpus,
                               IdlePolicy::kShapley};

uint64_t Sum(const std::vector<uint64_t>& values) { return std::accumulate(values.begin(), values.end(), uint64_t{0}); }

TEST(IdlePolicyTest, EachPolicyGivesByItsOwnRule) {
  const std::vector<IdleSharer> sharers = {{.ticks = 100, .vcpus = 1, .on_ns = 2 * kSecond},
                                           {.ticks = 300, .vcpus = 1, .on_ns = 2 * kSecond},
                                           {.ticks = 0, .vcpus = 6, .on_ns = kSecond}};
  const auto parts = [&](IdlePolicy policy) { return IdleSettler(policy).Settle(1200, 2 * kSecond, sharers); };
  EXPECT_THAT(parts(IdlePolicy::kOwn), ElementsAre(0, 0, 0));
  EXPECT_THAT(parts(IdlePolicy::kProportional), ElementsAre(300, 900, 0));
  EXPECT_THAT(parts(IdlePolicy::kEqual), ElementsAre(400, 400, 400));
  EXPECT_THAT(parts(IdlePolicy::kVcpus), ElementsAre(150, 150, 900));
  // One second is shared by three, one by two.
  EXPECT_THAT(parts(IdlePolicy::kShapley), ElementsAre(500, 500, 200));
}

TEST(IdlePolicyTest, WithoutVmsItStaysInTheIdleRow) {
  for (const IdlePolicy policy : kAll) {
    EXPECT_EQ(Sum(IdleSettler(policy).Settle(1000, kSecond, {})), 0u) << IdlePolicyName(policy);
    const std::vector<IdleSharer> nothing(3);
    EXPECT_EQ(Sum(IdleSettler(policy).Settle(1000, kSecond, nothing)), 0u) << IdlePolicyName(policy);
  }
}

TEST(IdlePolicyTest, TimeInWhichNoVmWasThereIsNobodys) {
  const std::vector<IdleSharer> one = {{.ticks = 1, .vcpus = 1, .on_ns = kSecond / 4}};
  EXPECT_THAT(IdleSettler(IdlePolicy::kShapley).Settle(1000, kSecond, one), ElementsAre(250));
}

// The closed form against the definition: the mean, over all orders of arrival, of what each adds to the energy of the
// time for which anybody is there.
TEST(IdlePolicyTest, ShapleyIsShapleysValue) {
  std::mt19937 random(3);
  for (int trial = 0; trial < 50; ++trial) {
    const size_t vms = 1 + random() % 6;
    std::vector<IdleSharer> sharers(vms);
    for (IdleSharer& sharer : sharers) sharer.on_ns = static_cast<int64_t>(random() % 5) * kSecond / 4;
    std::vector<size_t> order(vms);
    std::iota(order.begin(), order.end(), size_t{0});
    std::vector<double> expected(vms);
    double orders = 0;
    do {
      int64_t on_ns = 0;
      for (const size_t vm : order) {
        expected[vm] += static_cast<double>(std::max<int64_t>(0, sharers[vm].on_ns - on_ns)) * 1e-9 * 10'000;
        on_ns = std::max(on_ns, sharers[vm].on_ns);
      }
      ++orders;
    } while (std::next_permutation(order.begin(), order.end()));
    const std::vector<uint64_t> parts = IdleParts(IdlePolicy::kShapley, 10'000, kSecond, sharers);
    for (size_t vm = 0; vm < vms; ++vm) {
      EXPECT_NEAR(static_cast<double>(parts[vm]) / kSubTicksPerTick, expected[vm] / orders, 1e-3);
    }
  }
}

TEST(IdlePolicyTest, TicksAreKeptInEveryFlushAndFractionsCarried) {
  for (const IdlePolicy policy : kAll) {
    for (uint64_t seed = 1; seed <= 5; ++seed) {
      SCOPED_TRACE(std::string(IdlePolicyName(policy)) + ", seed " + std::to_string(seed));
      std::mt19937_64 random(seed);
      IdleSettler settler(policy);
      std::vector<IdleSharer> sharers;
      std::vector<double> owed;
      std::vector<double> paid;
      for (int flush = 0; flush < 2000; ++flush) {
        if (random() % 50 == 0 && sharers.size() < 40) sharers.emplace_back();
        owed.resize(sharers.size());
        paid.resize(sharers.size());
        for (IdleSharer& sharer : sharers) {
          sharer = {.ticks = random() % 4 == 0 ? 0 : random() % 100'000,
                    .vcpus = 1 + static_cast<int>(random() % 16),
                    .on_ns = static_cast<int64_t>(random() % 3) * kSecond};
        }
        const uint64_t idle = random() % 3 == 0 ? random() % 10 : random() % 1'000'000;
        const std::vector<uint64_t> exact = IdleParts(policy, idle, 2 * kSecond, sharers);
        ASSERT_LE(Sum(exact), idle << kSubTickBits);
        const std::vector<uint64_t> ticks = settler.Settle(idle, 2 * kSecond, sharers);
        ASSERT_LE(Sum(ticks), idle);
        for (size_t i = 0; i < sharers.size(); ++i) {
          owed[i] += static_cast<double>(exact[i]) / kSubTicksPerTick;
          paid[i] += static_cast<double>(ticks[i]);
          ASSERT_NEAR(paid[i], owed[i], 1.5) << "flush " << flush;
        }
        if (!sharers.empty() && random() % 100 == 0) {
          settler.Retire(sharers.size() - 1);
          owed.back() = paid.back() = 0;
        }
      }
    }
  }
}

TEST(IdlePolicyTest, NamesGoBothWays) {
  for (const IdlePolicy policy : kAll) EXPECT_EQ(IdlePolicyByName(IdlePolicyName(policy)), policy);
  EXPECT_EQ(IdlePolicyByName("nobody"), std::nullopt);
}

}  // namespace
}  // namespace vrapl
