#include "cli/overhead_sampler.h"

#include <gmock/gmock.h>

#include "tests/status_matchers.h"

namespace vrapl {
namespace {

using testing::AllOf;
using testing::HasSubstr;

absl::StatusOr<std::unique_ptr<OverheadSampler>> StartShell(const std::string& text) {
  static const Inherited inherited;
  return OverheadSampler::Start({"/bin/sh", "-c", text}, inherited, [] { return false; });
}

TEST(OverheadSamplerTest, ItsCostIsThatOfTheLastLine) {
  const auto sampler = StartShell(R"(trap 'echo "{\"own_cost\":{\"cpu_ns\":1,\"wall_ns\":4}}"; exit 0' TERM
                                     echo first; while :; do sleep 0.01; done)");
  ASSERT_THAT(sampler, IsOk());
  EXPECT_THAT((*sampler)->Stop(), IsOkAndHolds(0.25));
}

TEST(OverheadSamplerTest, OneThatDoesNotEndIsKilledAndThatIsSaid) {
  const auto sampler = StartShell("trap '' TERM; echo first; echo stuck >&2; exec sleep 600");
  ASSERT_THAT(sampler, IsOk());
  EXPECT_THAT((*sampler)->Stop(50 * kNanosPerMilli),
              StatusIs(absl::StatusCode::kUnavailable,
                       AllOf(HasSubstr("did not end within 50ms"), HasSubstr("killed"), HasSubstr("stuck"))));
}

TEST(OverheadSamplerTest, OneThatFailsSaysWhy) {
  EXPECT_THAT(StartShell("echo no counter >&2; exit 1"),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("no counter")));
}

}  // namespace
}  // namespace vrapl
