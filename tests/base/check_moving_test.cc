#include "base/check_moving.h"

#include <cerrno>

#include "tests/fakes/simulated_clock.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

using testing::HasSubstr;

class FakeSource final : public EnergySource {
 public:
  FakeSource() {
    package_.package_id = 1;
    package_.domains = {{.id = {RaplDomain::kDram}, .unit = {1}, .origin = "the DRAM register"},
                        {.id = {RaplDomain::kPackage}, .unit = {1}, .origin = "the package register"}};
  }
  absl::string_view backend() const override { return "msr"; }
  void StartAnew() override {}
  const PackageInfo& package() const override { return package_; }
  void Read(EnergySample& sample) override {
    ++reads;
    sample.ticks[0] = static_cast<uint64_t>(reads);  // DRAM moves; that is no reason to believe the package
    sample.ticks[1] = package_ticks;
    sample.error[1] = package_error;
  }

  int reads = 0;
  uint64_t package_ticks = 7;
  int32_t package_error = 0;

 private:
  PackageInfo package_;
};

TEST(CheckMovingTest, ReturnsAsSoonAsThePackageMoves) {
  FakeSource source;
  SimulatedClock clock;
  const int64_t start_ns = clock.NowNs();
  clock.OnSleep([&](int64_t now_ns) { source.package_ticks = now_ns >= start_ns + 2'000'000 ? 8 : 7; });
  EXPECT_THAT(CheckMoving(source, clock), IsOk());
  EXPECT_EQ(clock.NowNs() - start_ns, 2'000'000);
}

TEST(CheckMovingTest, AConstantIsNoCounter) {
  FakeSource source;
  const SimulatedClock clock;
  const int64_t start_ns = clock.NowNs();
  EXPECT_THAT(CheckMoving(source, clock),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       testing::AllOf(HasSubstr("the package register"), HasSubstr("package 1"), HasSubstr("50ms"))));
  EXPECT_EQ(clock.NowNs() - start_ns, 50'000'000);
}

// An emulated counter that is updated once a second is a counter, to who waits for it.
TEST(CheckMovingTest, PatienceIsTheCallers) {
  FakeSource source;
  SimulatedClock clock;
  const int64_t start_ns = clock.NowNs();
  clock.OnSleep(
      [&](int64_t now_ns) { source.package_ticks = 7 + static_cast<uint64_t>((now_ns - start_ns) / kNanosPerSecond); });
  EXPECT_THAT(CheckMoving(source, clock, kFrozenAfterInVm), IsOk());
}

TEST(CheckMovingTest, ReportsReadsThatAllFail) {
  FakeSource source;
  source.package_error = EIO;
  EXPECT_THAT(CheckMoving(source, SimulatedClock()),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("the package register")));
}

}  // namespace
}  // namespace vrapl
