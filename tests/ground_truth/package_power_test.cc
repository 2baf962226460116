#include "ground_truth/package_power.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <numeric>

namespace vrapl {
namespace {

const Work kCompute{.core_w = 5, .gb_per_s = 0.5};
const Work kWide{.core_w = 10, .gb_per_s = 1, .wide = true};
const Work kMemory{.core_w = 4, .stalled = 0.7, .gb_per_s = 12};

std::vector<Runner> Cpus(const std::vector<const Work*>& works) {
  std::vector<Runner> cpus;
  for (const Work* work : works) cpus.push_back({.work = work});
  return cpus;
}

std::vector<double> Watts(const PackageTraits& traits, const std::vector<Runner>& cpus, double frequency = 1,
                          double kelvin = 0) {
  std::vector<double> watts(cpus.size());
  std::vector<double> core_watts(cpus.size());
  ActivePower(traits, cpus, frequency, kelvin, absl::MakeSpan(watts), absl::MakeSpan(core_watts));
  return watts;
}

double Sum(const std::vector<double>& watts) { return std::accumulate(watts.begin(), watts.end(), 0.0); }

// What each adds, averaged over all orders in which they could have come.
std::vector<double> ShapleyByAllOrders(const PackageTraits& traits, const std::vector<Runner>& cpus) {
  std::vector<size_t> players;
  for (size_t i = 0; i < cpus.size(); ++i) {
    if (cpus[i].work != nullptr) players.push_back(i);
  }
  std::vector<double> value(cpus.size());
  int orders = 0;
  do {
    std::vector<Runner> present(cpus.size());
    double before = 0;
    for (const size_t player : players) {
      present[player] = cpus[player];
      const double now = Sum(Watts(traits, present));
      value[player] += now - before;
      before = now;
    }
    ++orders;
  } while (std::next_permutation(players.begin(), players.end()));
  for (double& watts : value) watts /= orders;
  return value;
}

TEST(PackagePowerTest, SharedPowerIsDividedByShapleysRule) {
  const PackageTraits traits{.cores = 3, .smt = 2, .gb_per_s = 1000};  // no contention: taken as it is, not divided
  for (const auto& works :
       std::vector<std::vector<const Work*>>{{&kCompute, &kWide, &kMemory, nullptr, &kMemory, &kCompute},
                                             {&kWide, &kWide, nullptr, nullptr, nullptr, &kMemory},
                                             {&kMemory, nullptr, nullptr, nullptr, nullptr, nullptr}}) {
    const std::vector<Runner> cpus = Cpus(works);
    const std::vector<double> watts = Watts(traits, cpus);
    const std::vector<double> fair = ShapleyByAllOrders(traits, cpus);
    for (size_t i = 0; i < cpus.size(); ++i) EXPECT_NEAR(watts[i], fair[i], 1e-9) << "CPU " << i;
  }
}

TEST(PackagePowerTest, NobodyDrawsNothingAndNoneDrawsLessThanNothing) {
  const PackageTraits traits{.cores = 2};
  EXPECT_EQ(Sum(Watts(traits, Cpus({nullptr, nullptr, nullptr, nullptr}))), 0);
  const Work faint{.core_w = 0.01};
  for (const double watts : Watts(traits, Cpus({&faint, &kWide, nullptr, nullptr}))) EXPECT_GE(watts, 0);
}

TEST(PackagePowerTest, SiblingsDrawLessThanApartAndWhoTheyAreMatters) {
  const PackageTraits traits{.cores = 2, .gb_per_s = 1000};
  const auto saved = [&](const Work& a, const Work& b) {
    return 1 -
           Sum(Watts(traits, Cpus({&a, &b, nullptr, nullptr}))) / Sum(Watts(traits, Cpus({&a, nullptr, &b, nullptr})));
  };
  EXPECT_GT(saved(kCompute, kCompute), 0.15);
  EXPECT_GT(saved(kCompute, kCompute), 1.5 * saved(kCompute, kMemory));
  EXPECT_GT(saved(kCompute, kMemory), 0);
}

TEST(PackagePowerTest, ContendedMemoryMakesThreadsDrawLess) {
  const PackageTraits traits{.cores = 4, .smt = 1, .gb_per_s = 15};
  const double alone = Watts(traits, Cpus({&kMemory, nullptr, nullptr, nullptr}))[0] - traits.uncore_w;
  const double contended = Watts(traits, Cpus({&kMemory, &kMemory, &kMemory, &kMemory}))[0] - traits.uncore_w / 4;
  EXPECT_LT(contended, 0.8 * alone);
}

TEST(PackagePowerTest, MoreCoresAndWideVectorsAreSlower) {
  const PackageTraits traits{.cores = 4, .smt = 1};
  const double one = FrequencyFor(traits, Cpus({&kCompute, nullptr, nullptr, nullptr}));
  const double all = FrequencyFor(traits, Cpus({&kCompute, &kCompute, &kCompute, &kCompute}));
  const double wide = FrequencyFor(traits, Cpus({&kWide, &kCompute, &kCompute, &kCompute}));
  EXPECT_GT(one, all);
  EXPECT_GT(all, wide);
  const double fast = Watts(traits, Cpus({&kCompute, nullptr, nullptr, nullptr}), one)[0];
  const double slow = Watts(traits, Cpus({&kCompute, nullptr, nullptr, nullptr}), all)[0];
  EXPECT_GT(fast, slow);
}

TEST(PackagePowerTest, FirstAwakeCoreCostsMostAndTheFloorGrowsWithHeat) {
  const PackageTraits traits{.cores = 4, .smt = 1};
  const double first = Sum(Watts(traits, Cpus({&kCompute, nullptr, nullptr, nullptr})));
  const double second = Sum(Watts(traits, Cpus({&kCompute, &kCompute, nullptr, nullptr}))) - first;
  EXPECT_NEAR(first - second, traits.uncore_w, 1e-9);
  EXPECT_GT(FloorPower(traits, 0, 40), FloorPower(traits, 0, 10) + 1);
  EXPECT_GT(Sum(Watts(traits, Cpus({&kCompute, nullptr, nullptr, nullptr}), 1, 40)), first + 0.3);
}

}  // namespace
}  // namespace vrapl
