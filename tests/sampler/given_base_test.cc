// A base power that was given by hand: refused where nothing counts it, told where it cannot be, and as sure as it was
// said to be.
#include "sampler/given_base.h"

#include <gmock/gmock.h>

#include "tests/sampler/made_host.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

TEST(GivenBaseTest, ADomainWithoutACounterIsRefused) {
  PackageInfo package;
  package.domains = {{.id = {RaplDomain::kPackage}}, {.id = {RaplDomain::kDram}}};
  EXPECT_THAT(CheckGivenBase({{RaplDomain::kDram, 2}}, {&package}), IsOk());
  EXPECT_THAT(CheckGivenBase({}, {&package}), IsOk());
  EXPECT_THAT(
      CheckGivenBase({{RaplDomain::kPsys, 9}}, {&package}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no counter of psys here; there are package, dram")));
}

// 80 W are drawn.
std::vector<std::string> Problems(GivenPower base) {
  MadeHost host({.flush = {.base_power_w = {{RaplDomain::kPackage, base}}}});
  host.RunFor(6 * kSecond + 10 * kMs);
  std::vector<std::string> problems;
  for (const FlushReport& report : host.reports()) {
    problems.insert(problems.end(), report.problems.begin(), report.problems.end());
  }
  return problems;
}

TEST(GivenBaseTest, ABaseAboveWhatIsDrawnIsToldOnce) {
  const std::vector<std::string> problems = Problems(300);
  ASSERT_THAT(problems, SizeIs(1));
  EXPECT_THAT(problems[0], HasSubstr("--base-power gives package-0 300 W, and it draws 8"));
  EXPECT_THAT(Problems(60), IsEmpty());
  EXPECT_THAT(Problems({90, 15}), IsEmpty()) << "it may be 75 W";
}

// What is not sure of the base is not sure of those above it.
TEST(GivenBaseTest, ItsIntervalIsInTheRows) {
  const auto error_uj = [](GivenPower base) {
    MadeHost host(
        {.flush = {
             .base_power_w = {{RaplDomain::kPackage, base}},
             .updates = {{{.reads = 1000, .edges = 200, .sharp = 200, .period_ns = kMs, .jitter_ns = 10'000}, {}}}}});
    host.SetVms({MadeVm("web", 1000)});
    host.RunFor(4 * kSecond + 10 * kMs);
    EXPECT_FALSE(host.reports().empty());
    for (const CounterReport& counter : host.reports().back().models[0].counters) {
      if (counter.domain.domain != RaplDomain::kPackage) continue;
      EXPECT_EQ(counter.base_given, true);
      EXPECT_EQ(counter.base_err_w, base.err_w);
    }
    for (const VmCounterReport& vm : host.reports().back().models[0].vm_counters) {
      if (vm.domain.domain == RaplDomain::kPackage) return static_cast<double>(vm.err_uj.value_or(-1));
    }
    return -1.0;
  };
  const double exact = error_uj(20);
  const double unsure = error_uj({20, 5});
  EXPECT_GT(exact, 0);
  // 5 W for two seconds, of which the VM's part is some 30 to 50 %.
  EXPECT_GT(unsure, exact + 2e6);
  EXPECT_LT(unsure, exact + 10e6);
}

}  // namespace
}  // namespace vrapl
