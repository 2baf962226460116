#include "probe/updates.h"

#include <gmock/gmock.h>

#include "probe/text.h"
#include "tests/fakes/simulated_clock.h"

namespace vrapl {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// A package counter that is updated each `period_ns` of the simulated time, of which each read takes some.
class SteadySource final : public EnergySource {
 public:
  SteadySource(SimulatedClock& clock, int64_t period_ns) : clock_(clock), period_ns_(period_ns) {
    package_.domains = {{.id = {RaplDomain::kPackage}, .unit = {1e-6}, .wrap_ticks = uint64_t{1} << 32, .origin = ""}};
  }
  absl::string_view backend() const override { return "msr"; }
  const PackageInfo& package() const override { return package_; }
  void StartAnew() override {}
  void Read(EnergySample& sample) override {
    sample.before_ns = clock_.NowNs();
    clock_.Advance(20'000);
    sample.after_ns = clock_.NowNs();
    sample.ticks[0] = static_cast<uint64_t>(clock_.NowNs() / period_ns_);
    sample.error[0] = 0;
  }

 private:
  SimulatedClock& clock_;
  int64_t period_ns_;
  PackageInfo package_;
};

UpdateFindings FindOf(int64_t period_ns) {
  SimulatedClock clock;
  SteadySource source(clock, period_ns);
  return FindUpdates(source, {.clock = &clock}).at({RaplDomain::kPackage});
}

std::string ScreenWith(const UpdateFindings& updates) {
  ProbeFindings found;
  SourceFindings source{.name = "msr", .what = "", .usable = absl::OkStatus(), .remedy = "", .packages = {{}}};
  source.packages[0].probe.domains = {{.id = {RaplDomain::kPackage}, .present = true, .unit = {1e-6}, .wrap_ticks = 1}};
  source.packages[0].updates[{RaplDomain::kPackage}] = updates;
  found.sources.push_back(source);
  found.chosen = "msr";
  return ToText(found);
}

TEST(FindUpdatesTest, HardwareNeedsTheShortLookOnly) {
  const UpdateFindings updates = FindOf(kNanosPerMilli);
  EXPECT_EQ(updates.polled_ns, 300 * kNanosPerMilli);
  EXPECT_NEAR(static_cast<double>(updates.summary.period_ns), 1e6, 1e3);
  EXPECT_THAT(ScreenWith(updates), AllOf(HasSubstr("1.000 ms, jitter"), HasSubstr("over 2 s 0.05 %")));
}

// F3: a hypervisor that emulates counters updates them about once a second; nobody must read 1 ms from that.
TEST(FindUpdatesTest, OneUpdateASecondIsSeenAndSaid) {
  const UpdateFindings updates = FindOf(kNanosPerSecond);
  EXPECT_EQ(updates.polled_ns, 3 * kNanosPerSecond);
  EXPECT_EQ(updates.summary.edges, 3u);
  EXPECT_THAT(ScreenWith(updates), AllOf(HasSubstr("about 1.000 s (3 updates seen in 3.0 s)"),
                                         HasSubstr("over 100 ms that is up to 100 %"), Not(HasSubstr(" ms, jitter"))));
}

TEST(FindUpdatesTest, ACounterThatNeverMovesTellsNothing) {
  EXPECT_THAT(ScreenWith(FindOf(3600 * kNanosPerSecond)), HasSubstr("not known: 0 updates seen in 3.0 s"));
}

}  // namespace
}  // namespace vrapl
