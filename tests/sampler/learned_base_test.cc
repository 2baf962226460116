// What is said of a base power that was learned of a load that does not tell it.
#include "sampler/learned_base.h"

#include <gmock/gmock.h>

#include <cmath>

namespace vrapl {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr int64_t kSecond = 1'000'000'000;

// 20 W of base, learned.
FlushReport Second(double drawn_w, double busy) {
  FlushReport report{.dt_ns = kSecond};
  report.models.resize(1);
  report.models[0].counters = {
      {.domain = {RaplDomain::kPackage}, .dt_ns = kSecond, .energy_uj = std::llround(drawn_w * 1e6), .base_w = 20}};
  report.models[0].rows = {{.kind = RowKind::kIdle,
                            .domain = {RaplDomain::kPackage},
                            .run_time_ns = std::llround((1 - busy) * static_cast<double>(4 * kSecond))}};
  report.samplers = {{.capacity_ns = 4 * kSecond}};
  return report;
}

TEST(LearnedBaseTest, OneThatIsNearlyAllIsSaidWithWhy) {
  LearnedBaseCheck steady;
  LearnedBaseCheck varied;
  for (int i = 0; i < 10; ++i) {
    steady.Add(Second(20.5, 0.5));
    varied.Add(Second(20.5, 0.1 * i));
  }
  EXPECT_THAT(steady.Lines(), ElementsAre(AllOf(HasSubstr("package-0 is 98 % of what it drew"), HasSubstr("busy 50 %"),
                                                HasSubstr("the load hardly varied"))));
  EXPECT_THAT(varied.Lines(), ElementsAre(HasSubstr("its power did not follow the load")));
}

TEST(LearnedBaseTest, NothingIsSaidOfAHostAtRestOfOneThatWorksAndOfAGivenBase) {
  LearnedBaseCheck rest;
  LearnedBaseCheck works;
  LearnedBaseCheck given;
  for (int i = 0; i < 10; ++i) {
    rest.Add(Second(20.5, 0.02));
    works.Add(Second(30, 0.5));
    FlushReport report = Second(20.5, 0.5);
    report.models[0].counters[0].base_given = true;
    given.Add(report);
  }
  EXPECT_THAT(rest.Lines(), IsEmpty());
  EXPECT_THAT(works.Lines(), IsEmpty());
  EXPECT_THAT(given.Lines(), IsEmpty());
}

}  // namespace
}  // namespace vrapl
