#include "probe/honest_windows.h"

#include <gmock/gmock.h>

namespace vrapl {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

PackageFindings Package(int64_t period_ns, int64_t jitter_ns) {
  PackageFindings package;
  package.probe.domains.push_back({.id = {RaplDomain::kPackage}, .unit = {1.0 / 16384}});
  package.updates[{RaplDomain::kPackage}] = {.summary = {.period_ns = period_ns, .jitter_ns = jitter_ns}};
  return package;
}

TEST(HonestWindowsTest, TellsHowSureAnEnergyIsByItsWindow) {
  const auto rows = HonestWindows(Package(1'000'000, 10'000), 80);
  ASSERT_THAT(rows, SizeIs(3));
  EXPECT_THAT(rows[1], ElementsAre("package", "+-95 %", "+-9.5 %", "+-0.95 %", "+-0.048 %", "from 95 ms"));
  EXPECT_THAT(rows[2], ElementsAre("  --align=edge", "+-2.8 %", "+-0.28 %", "+-0.028 %", "+-0.0014 %", "from 2.8 ms"));
}

TEST(HonestWindowsTest, ACounterThatMovesOnceASecondShowsNothingOfLess) {
  const auto rows = HonestWindows(Package(1'000'000'000, 1'000'000), 80);
  ASSERT_THAT(rows, SizeIs(3));
  EXPECT_THAT(rows[1], ElementsAre("package", "nothing", "nothing", "nothing", "+-48 %", "from 95 s"));
}

TEST(HonestWindowsTest, SaysNothingWhereUpdatesAreNotKnown) {
  EXPECT_THAT(HonestWindows(Package(0, 0), 80), SizeIs(0));
  PackageFindings not_measured = Package(1'000'000, 10'000);
  not_measured.updates.clear();
  EXPECT_THAT(HonestWindows(not_measured, 80), SizeIs(0));
}

}  // namespace
}  // namespace vrapl
