#include "hwmon/hwmon_reader.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cerrno>

#include "base/check_moving.h"
#include "base/cpu_model.h"
#include "hwmon/power_sensors.h"
#include "tests/fakes/hwmon_tree.h"
#include "tests/fakes/simulated_clock.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

using testing::AllOf;
using testing::AnyOf;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

class HwmonReaderTest : public testing::Test {
 protected:
  HwmonReaderTest() {
    // As an arm64 kernel has it: no vendor, and no package it would know of.
    host_.Write("/proc/cpuinfo", kXGeneCpuinfo);
    for (int cpu = 0; cpu < 4; ++cpu) host_.AddCpu({.cpu = cpu, .package = -1, .core = cpu});
    host_.AddCpu({.cpu = 4, .core = 4, .online = false});
  }
  auto Open() { return OpenHwmonSources(host_.root(), {.clock = &clock_}); }
  void SetPower(const std::string& cpu_uw, const std::string& io_uw) {
    host_.Write(HwmonPath(2, "power1_input"), cpu_uw + "\n").Write(HwmonPath(2, "power2_input"), io_uw + "\n");
  }
  // What the read that is due next gives.
  const EnergySample& Poll(EnergySource& source) {
    clock_.Advance(10 * kNanosPerMilli);
    source.Read(*sample_);
    return *sample_;
  }
  std::array<int, 3> Errors() const { return {sample_->error[0], sample_->error[1], sample_->error[2]}; }
  std::array<uint64_t, 3> Ticks() const { return {sample_->ticks[0], sample_->ticks[1], sample_->ticks[2]}; }

  HostBuilder host_{CpuVendor::kOther, 6, 1};
  SimulatedClock clock_;
  std::unique_ptr<EnergySample> sample_ = std::make_unique<EnergySample>();
};

TEST_F(HwmonReaderTest, PowerBecomesEnergyOfOnePackage) {
  AddXGene(host_, 2, "20000000", "5000000");
  const auto sources = Open();
  ASSERT_THAT(sources, IsOkAndHolds(SizeIs(1)));
  EnergySource& source = *sources->front();
  EXPECT_EQ(source.backend(), "hwmon");
  EXPECT_TRUE(source.package().power_based);
  EXPECT_THAT(source.package().cpus, ElementsAre(0, 1, 2, 3));
  ASSERT_THAT(source.package().domains, SizeIs(3));
  EXPECT_EQ(source.package().domains[0].id, DomainId{RaplDomain::kPackage});
  EXPECT_EQ(source.package().domains[1].id, DomainId{RaplDomain::kCores});
  EXPECT_EQ(source.package().domains[2].id, DomainId{RaplDomain::kUncore});
  for (const DomainInfo& domain : source.package().domains) {
    EXPECT_THAT(domain.origin, HasSubstr("power, integrated"));
    EXPECT_EQ(domain.unit.joules_per_tick, 1e-6);
  }
  EXPECT_THAT(source.package().domains[1].origin, HasSubstr("hwmon2/power1_input"));

  source.Read(*sample_);
  EXPECT_THAT(Ticks(), Each(0u)) << "a first reading is a beginning";
  Poll(source);
  EXPECT_THAT(Errors(), Each(0));
  EXPECT_THAT(Ticks(), ElementsAre(250'000u, 200'000u, 50'000u)) << "25, 20 and 5 W for 10 ms";
  SetPower("40000000", "5000000");
  Poll(source);
  EXPECT_THAT(Ticks(), ElementsAre(600'000u, 500'000u, 100'000u)) << "30 W in the mean, on the cores";
}

// Labels decide: the kernel's documentation and its driver number the files differently.
TEST_F(HwmonReaderTest, LabelsTellWhichPowerIsWhich) {
  AddXGene(host_, 2, "20000000", "5000000");
  host_.Write(HwmonPath(2, "power1_label"), "IO power\n").Write(HwmonPath(2, "power2_label"), "CPU power\n");
  const absl::StatusOr<PowerSensors> sensors = FindPowerSensors(host_.root());
  ASSERT_THAT(sensors, IsOk());
  EXPECT_THAT(sensors->cpu_input, HasSubstr("power2_input"));
  EXPECT_THAT(sensors->io_input, HasSubstr("power1_input"));
  host_.Write(HwmonPath(2, "power1_label"), "Fan power\n");
  EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("\"IO power\"")));
}

// A reading waits for another processor: it is not done each millisecond, and less often where it is slow.
TEST_F(HwmonReaderTest, TheSensorIsReadNowAndThen) {
  AddXGene(host_, 2, "20000000", "5000000");
  const auto sources = Open();
  ASSERT_THAT(sources, IsOk());
  EnergySource& source = *sources->front();
  source.Read(*sample_);
  for (int ms = 1; ms < 10; ++ms) {
    clock_.Advance(kNanosPerMilli);
    source.Read(*sample_);
    EXPECT_THAT(Ticks(), Each(0u)) << ms;
    EXPECT_THAT(Errors(), Each(0));
  }
  clock_.Advance(kNanosPerMilli);
  source.Read(*sample_);
  EXPECT_EQ(Ticks()[0], 250'000u);
}

// It is read each 10 ms and asked each millisecond: in between, a failure is not told as "nothing used".
TEST_F(HwmonReaderTest, ASensorThatFailedHasFailedUntilItIsReadAgain) {
  AddXGene(host_, 2, "20000000", "5000000");
  const auto sources = Open();
  ASSERT_THAT(sources, IsOk());
  EnergySource& source = *sources->front();
  source.Read(*sample_);
  SetPower("nonsense", "5000000");
  int failed = 0;
  for (int ms = 0; ms < 100; ++ms) {
    clock_.Advance(kNanosPerMilli);
    source.Read(*sample_);
    if (ms >= 10) {
      EXPECT_NE(sample_->error[0], 0) << ms;
      ++failed;
    }
  }
  EXPECT_EQ(failed, 90);
  SetPower("20000000", "5000000");
  std::vector<int> errors;
  for (int ms = 0; ms < 30; ++ms) {
    clock_.Advance(kNanosPerMilli);
    source.Read(*sample_);
    if (errors.empty() || errors.back() != sample_->error[0]) errors.push_back(sample_->error[0]);
  }
  EXPECT_THAT(errors, AnyOf(ElementsAre(EBADMSG, EOVERFLOW, 0), ElementsAre(EOVERFLOW, 0)));
}

TEST_F(HwmonReaderTest, ANewStartIsToldByTheVeryNextRead) {
  AddXGene(host_, 2, "20000000", "5000000");
  const auto sources = Open();
  ASSERT_THAT(sources, IsOk());
  EnergySource& source = *sources->front();
  source.Read(*sample_);
  clock_.Advance(kNanosPerMilli);
  source.StartAnew();
  source.Read(*sample_);
  EXPECT_THAT(Errors(), Each(EOVERFLOW));
  clock_.Advance(kNanosPerMilli);
  source.Read(*sample_);
  EXPECT_THAT(Errors(), Each(0));
}

// A clock on which everything takes time: each look at it comes `step_ns` after the last.
class SlowClock final : public Clock {
 public:
  int64_t NowNs() const override { return now_ns_ += step_ns; }
  void SleepUntil(int64_t deadline_ns) const override { now_ns_ = std::max(now_ns_, deadline_ns); }
  int64_t SuspendedNs() const override { return 0; }

  int64_t step_ns = 0;

 private:
  mutable int64_t now_ns_ = kNanosPerSecond;
};

// A twentieth of the time at most; and a slow sensor that works is not left alone for so long that there would be a
// gap.
TEST_F(HwmonReaderTest, ASlowSensorIsReadLessOften) {
  AddXGene(host_, 2, "20000000", "5000000");
  SlowClock clock;
  const auto sources = OpenHwmonSources(host_.root(), {.clock = &clock});
  ASSERT_THAT(sources, IsOk());
  EnergySource& source = *sources->front();
  for (const int64_t took_ns : {5 * kNanosPerMilli, 40 * kNanosPerMilli}) {
    clock.step_ns = took_ns;
    source.Read(*sample_);
    clock.step_ns = 0;
    const int64_t read_ns = sample_->after_ns;
    uint64_t ticks = sample_->ticks[0];
    int64_t pause_ns = 0;
    do {
      clock.SleepUntil(read_ns + (pause_ns += kNanosPerMilli));
      source.Read(*sample_);
      EXPECT_EQ(sample_->error[0], 0);
    } while (sample_->ticks[0] == ticks && pause_ns < 2 * kNanosPerSecond);
    EXPECT_EQ(pause_ns, std::min(19 * took_ns, 500 * kNanosPerMilli));
    clock.SleepUntil(read_ns + pause_ns + 10 * kNanosPerMilli);
  }
}

TEST_F(HwmonReaderTest, AFailedReadingIsAnErrorAndItsTimeIsNotIntegrated) {
  AddXGene(host_, 2, "20000000", "5000000");
  const auto sources = Open();
  ASSERT_THAT(sources, IsOk());
  EnergySource& source = *sources->front();
  source.Read(*sample_);
  Poll(source);
  const std::array<uint64_t, 3> before = Ticks();
  for (const char* text : {"", "-1", "20 W", "99999999999999999999999"}) {
    SetPower("20000000", text);
    Poll(source);
    EXPECT_THAT(Errors(), ElementsAre(EBADMSG, 0, EBADMSG)) << text;
  }
  EXPECT_EQ(Ticks()[0], before[0]);
  EXPECT_EQ(Ticks()[1], before[1] + 4 * 200'000u) << "the other sensor goes on";
  EXPECT_EQ(Ticks()[2], before[2]);
  SetPower("20000000", "5000000");
  Poll(source);
  EXPECT_THAT(Errors(), ElementsAre(EOVERFLOW, 0, EOVERFLOW))
      << "what was used meanwhile is unknown, and that is said once";
  EXPECT_EQ(Ticks()[0], before[0]);
  Poll(source);
  EXPECT_THAT(Errors(), Each(0));
  EXPECT_EQ(Ticks()[0], before[0] + 250'000u);
  EXPECT_EQ(Ticks()[2], before[2] + 50'000u);
}

TEST_F(HwmonReaderTest, ASensorThatReadsZeroIsFrozen) {
  AddXGene(host_, 2, "0", "0");
  auto sources = Open();
  ASSERT_THAT(sources, IsOk());
  EXPECT_THAT(CheckMoving(*sources->front(), clock_),
              StatusIs(absl::StatusCode::kFailedPrecondition, AllOf(HasSubstr("reads 0 W"), Not(HasSubstr("RAPL")))));
  SetPower("1000", "0");
  EXPECT_THAT(CheckMoving(*sources->front(), clock_), IsOk()) << "a milliwatt is power";
}

TEST_F(HwmonReaderTest, WhatIsThereInsteadIsNamed) {
  EXPECT_THAT(Open(),
              StatusIs(absl::StatusCode::kNotFound, AllOf(HasSubstr("no CPU power sensor"), HasSubstr("xgene-hwmon"))));
  host_.Write(HwmonPath(0, "name"), "nvme\n").Write(HwmonPath(1, "name"), "coretemp\n").Write(HwmonPath(3, "x"), "");
  host_.Write(HwmonPath(1, "power1_label"), "CPU power\n").Write(HwmonPath(1, "power1_input"), "1\n");
  EXPECT_THAT(Open(),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("found coretemp, nvme; none measures the CPU's power")));
  EXPECT_THAT(ProbeHwmon(host_.root()), StatusIs(absl::StatusCode::kNotFound));
  AddXGene(host_, 4, "1", "1");
  EXPECT_THAT(Open(), IsOk());
  AddXGene(host_, 5, "1", "1");
  EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("several apm_xgene")));
}

TEST_F(HwmonReaderTest, ASensorThatCannotBeReadSaysSo) {
  AddXGene(host_, 2, "20000000", "");
  EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("power2_input holds no power")));
  auto probe = ProbeHwmon(host_.root());
  ASSERT_THAT(probe, IsOkAndHolds(SizeIs(1)));
  EXPECT_TRUE(probe->front().domains[1].present);
  EXPECT_FALSE(probe->front().domains[2].present);
  EXPECT_FALSE(probe->front().domains[0].present);
  EXPECT_THAT(probe->front().note, HasSubstr("no energy counter"));
  host_.Remove(HwmonPath(2, "power2_input"));
  EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kNotFound, HasSubstr("power2_input")));
}

}  // namespace
}  // namespace vrapl
