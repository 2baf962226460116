// Counters that go round fast, of made sources, and a real command.
#include "cli/watched_command.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <memory>
#include <utility>
#include <vector>

#include "tests/status_matchers.h"

namespace vrapl {
namespace {

class CountedSource final : public EnergySource {
 public:
  explicit CountedSource(PackageInfo info) : info_(std::move(info)) {}
  absl::string_view backend() const override { return "msr"; }
  const PackageInfo& package() const override { return info_; }
  void Read(EnergySample& sample) override {
    ++reads;
    sample.ticks[0] = static_cast<uint64_t>(reads) * 1000;
    sample.error[0] = error;
  }
  void StartAnew() override {}

  int reads = 0;
  int error = 0;

 private:
  const PackageInfo info_;
};

PackageInfo Package(RaplDomain domain, double joules_per_tick, uint64_t wrap_ticks = uint64_t{1} << 32) {
  PackageInfo info;
  info.domains.push_back({.id = {domain}, .unit = {joules_per_tick}, .wrap_ticks = wrap_ticks, .origin = ""});
  return info;
}

struct Made {
  explicit Made(PackageInfo info) {
    auto made = std::make_unique<CountedSource>(std::move(info));
    source = made.get();
    backend.sources.push_back(std::move(made));
  }
  OpenBackend backend;
  CountedSource* source = nullptr;
};

TEST(EnergyTotalTest, CountersAreReadThreeTimesInTheTimeInWhichTheyGoRoundAt1kW) {
  EXPECT_EQ(LongestReadGapNs(Made(Package(RaplDomain::kPackage, 61e-6)).backend), 30 * kNanosPerSecond);
  // 2^32 of 15.3 uJ are 65.5 kJ.
  const Made server(Package(RaplDomain::kDram, 1.0 / 65536));
  EXPECT_NEAR(static_cast<double>(LongestReadGapNs(server.backend)) * 1e-9, 65.536 / 3, 0.001);
  EXPECT_EQ(LongestReadGapNs(Made(Package(RaplDomain::kCores, 1e-9)).backend), 30 * kNanosPerSecond)
      << "part of the package, in no sum";
  PackageInfo power = Package(RaplDomain::kPackage, 61e-6);
  power.power_based = true;
  EXPECT_EQ(LongestReadGapNs(Made(power).backend), kNanosPerSecond);
}

TEST(EnergyTotalTest, AFailedReadInBetweenIsMadeUpForAndUnknownEnergyIsNot) {
  Made made(Package(RaplDomain::kPackage, 0.001));
  EnergyTotal energy(made.backend, RealClock());
  energy.Begin();
  made.source->error = EIO;
  energy.KeepUp();
  made.source->error = 0;
  EXPECT_NEAR(energy.End().value_or(-1), 2, 1e-9);
  energy.Begin();
  made.source->error = EOVERFLOW;
  energy.KeepUp();
  made.source->error = 0;
  EXPECT_EQ(energy.End(), std::nullopt);
  made.source->error = EIO;
  energy.Begin();
  made.source->error = 0;
  EXPECT_EQ(energy.End(), std::nullopt);
}

class WatchTest : public testing::Test {
 protected:
  static HeardSignals& Signals() {
    static const Inherited before;
    inherited_ = &before;
    static const std::unique_ptr<HeardSignals> signals = *HeardSignals::Hear();
    return *signals;
  }
  static std::unique_ptr<CommandProcess> Start(const std::vector<std::string>& words) {
    Signals();
    return *CommandProcess::Start(words, {.inherited = inherited_});
  }
  static inline const Inherited* inherited_ = nullptr;
};

TEST_F(WatchTest, CountersThatGoRoundFastAreReadWhileItRuns) {
  Made made(Package(RaplDomain::kPackage, 0.001, /*wrap_ticks=*/30'000));  // 30 J: 10 ms at 1 kW, three times
  const auto command = Start({"sleep", "0.5"});
  EnergyTotal energy(made.backend, RealClock());
  energy.Begin();
  command->Release();
  WatchUntilItEnds(*command, Signals(), energy);
  EXPECT_TRUE(energy.End().has_value());
  EXPECT_EQ(command->Wait().exit_code, 0);
  EXPECT_GE(made.source->reads, 5);
  EXPECT_LE(made.source->reads, 60);
}

TEST_F(WatchTest, SignalsToUsArePassedOnAndTheThirdKills) {
  Made made(Package(RaplDomain::kPackage, 61e-6));
  EnergyTotal energy(made.backend, RealClock());
  auto command = Start({"sleep", "60"});
  energy.Begin();
  command->Release();
  ::kill(::getpid(), SIGTERM);
  WatchUntilItEnds(*command, Signals(), energy);
  EXPECT_EQ(command->Wait().signal, SIGTERM);
  EXPECT_EQ(Signals().first(), SIGTERM);

  command = Start(
      {"/bin/sh", "-c", "trap '' TERM INT HUP; kill -TERM $PPID; kill -INT $PPID; kill -HUP $PPID; exec sleep 60"});
  command->Release();
  WatchUntilItEnds(*command, Signals(), energy);
  EXPECT_EQ(command->Wait().signal, SIGKILL);
}

}  // namespace
}  // namespace vrapl
