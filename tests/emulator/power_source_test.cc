#include "emulator/power_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "base/clock.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

using testing::HasSubstr;

constexpr int64_t kMs = kNanosPerMilli;
constexpr int64_t kSecond = kNanosPerSecond;

PowerSpec Spec(const std::string& text) {
  absl::StatusOr<PowerSpec> spec = PowerSpec::Parse(text);
  EXPECT_THAT(spec, IsOk());
  return spec.ok() ? *spec : PowerSpec();
}
double ToJoules(ExactEnergy energy) { return static_cast<double>(energy) / static_cast<double>(kExactPerJoule); }

std::string CurveFile(const std::string& text) {
  const std::string path = testing::TempDir() + "/power_source_test_curve.csv";
  std::ofstream(path) << text;
  return path;
}

TEST(ParsePowerTest, TakesAUnit) {
  EXPECT_THAT(ParsePower("80W"), IsOkAndHolds(80'000'000));
  EXPECT_THAT(ParsePower("1.5kW"), IsOkAndHolds(1'500'000'000));
  EXPECT_THAT(ParsePower("250mW"), IsOkAndHolds(250'000));
  EXPECT_THAT(ParsePower(" 0W "), IsOkAndHolds(0));
  for (const char* bad : {"80", "W", "-1W", "80 Watt", "nanW", "2000kW", "1e9W", ""}) {
    EXPECT_THAT(ParsePower(bad), StatusIs(absl::StatusCode::kInvalidArgument)) << bad;
  }
}

TEST(ParseIntervalTest, TakesAUnit) {
  EXPECT_THAT(ParseInterval("100ms"), IsOkAndHolds(100 * kMs));
  EXPECT_THAT(ParseInterval("1.5s"), IsOkAndHolds(3 * kSecond / 2));
  EXPECT_THAT(ParseInterval("20us"), IsOkAndHolds(20'000));
  for (const char* bad : {"100", "-1s", "fast", "", "inf"}) {
    EXPECT_THAT(ParseInterval(bad), StatusIs(absl::StatusCode::kInvalidArgument)) << bad;
  }
}

TEST(PowerSpecTest, ConstantIsPowerTimesTime) {
  const PowerSpec spec = Spec("const:80W");
  EXPECT_EQ(spec.Energy(kSecond, 0), 80 * kExactPerJoule);
  EXPECT_EQ(spec.Energy(0, 0), 0);
  EXPECT_EQ(spec.Energy(1, 0), EnergyOf(80'000'000, 1));
  EXPECT_EQ(TickSize::PowerOfTwo(14).WholeTicks(spec.Energy(kSecond, 0)), 80U << 14);
  EXPECT_FALSE(spec.follows_load());
}

TEST(PowerSpecTest, SquareBeginsLow) {
  const PowerSpec spec = Spec("square:60W,120W,100ms");
  EXPECT_EQ(spec.Energy(50 * kMs, 0), 3 * kExactPerJoule);
  EXPECT_EQ(spec.Energy(75 * kMs, 0), 6 * kExactPerJoule);
  EXPECT_EQ(spec.Energy(100 * kMs, 0), 9 * kExactPerJoule);
  EXPECT_EQ(spec.Energy(150 * kMs, 0), 12 * kExactPerJoule);
  EXPECT_EQ(spec.Energy(1000 * kSecond, 0), 90'000 * kExactPerJoule);
  // The base is the lower power: nothing is above it in the first half.
  EXPECT_EQ(spec.EnergyAboveBase(50 * kMs, 0), 0);
  EXPECT_EQ(spec.EnergyAboveBase(100 * kMs, 0), 3 * kExactPerJoule);
}

TEST(PowerSpecTest, LoadAddsBusyTime) {
  const PowerSpec spec = Spec("load:20W+15W/cpu");
  EXPECT_TRUE(spec.follows_load());
  EXPECT_EQ(spec.Energy(10 * kSecond, 0), 200 * kExactPerJoule);
  EXPECT_EQ(spec.Energy(10 * kSecond, 4 * kSecond), 260 * kExactPerJoule);
  EXPECT_EQ(spec.EnergyAboveBase(10 * kSecond, 4 * kSecond), 60 * kExactPerJoule);
}

TEST(PowerSpecTest, CurveIsRepeatedStepByStep) {
  const PowerSpec spec = Spec("curve:" + CurveFile("# a comment\n0s,10W\n1s, 50W\n\n1.5s,0W\n2s,end\n"));
  EXPECT_EQ(spec.Energy(kSecond, 0), 10 * kExactPerJoule);
  EXPECT_EQ(spec.Energy(kSecond + 100 * kMs, 0), 15 * kExactPerJoule);
  EXPECT_EQ(spec.Energy(2 * kSecond, 0), 35 * kExactPerJoule);
  EXPECT_EQ(spec.Energy(3 * kSecond, 0), 45 * kExactPerJoule);
  EXPECT_EQ(spec.Energy(200 * kSecond, 0), 3500 * kExactPerJoule);
}

// The law all counters rest on: what windows get, put together, is the whole, and never less than nothing.
TEST(PowerSpecTest, TicksOfWindowsAddUpToTheWhole) {
  for (const char* text : {"const:333mW", "square:1W,77.7W,7ms", "load:3.3W+1.1W/cpu"}) {
    const PowerSpec spec = Spec(text);
    for (const TickSize tick :
         {TickSize::PowerOfTwo(14), TickSize::PowerOfTwo(16), TickSize::Microjoules(32), TickSize::PowerOfTwo(0)}) {
      uint64_t sum = 0;
      uint64_t before = 0;
      int64_t t_ns = 0;
      for (int i = 0; i < 20'000; ++i) {
        t_ns += 1 + (i * 7919) % (2 * kMs);
        const uint64_t now = tick.WholeTicks(spec.Energy(t_ns, t_ns / 3));
        ASSERT_GE(now, before) << text;
        sum += now - before;
        before = now;
      }
      const double expected = ToJoules(spec.Energy(t_ns, t_ns / 3)) / tick.joules();
      EXPECT_LE(static_cast<double>(sum), expected) << text;
      EXPECT_GT(static_cast<double>(sum), expected - 1.001) << text << ": a remainder was lost";
    }
  }
}

TEST(PowerSpecTest, YearsAtAMegawattStayExact) {
  const PowerSpec spec = Spec("const:1000kW");
  constexpr int64_t kTenYears = 10 * 365 * 86'400 * kSecond;
  EXPECT_EQ(spec.Energy(kTenYears, 0) / kExactPerJoule, ExactEnergy{10 * 365} * 86'400 * 1'000'000);
  EXPECT_EQ(TickSize::PowerOfTwo(14).WholeTicks(spec.Energy(kTenYears, 0)),
            uint64_t{10 * 365} * 86'400 * 1'000'000 << 14);
}

TEST(PowerSpecTest, MessagesSayWhatIsWrong) {
  const auto message = [](const std::string& spec) { return std::string(PowerSpec::Parse(spec).status().message()); };
  EXPECT_THAT(message("80W"), HasSubstr("const:80W"));
  EXPECT_THAT(message("const:80"), AllOf(HasSubstr("\"80\""), HasSubstr("unit")));
  EXPECT_THAT(message("square:1W,2W"), HasSubstr("LOW,HIGH,PERIOD"));
  EXPECT_THAT(message("load:20W"), HasSubstr("/cpu"));
  EXPECT_THAT(message("load:20W+15W"), HasSubstr("/cpu"));
  EXPECT_THAT(message("curve:/nowhere"), HasSubstr("/nowhere"));
  EXPECT_THAT(message("curve:" + CurveFile("0s,1W\n5,2W\n")), HasSubstr("line 2"));
  EXPECT_THAT(message("curve:" + CurveFile("1s,1W\n2s,end\n")), HasSubstr("must be 0s"));
  EXPECT_THAT(message("curve:" + CurveFile("0s,1W\n2s,1W\n2s,3W\n")), HasSubstr("increase"));
  EXPECT_THAT(message("curve:" + CurveFile("0s,1W\n")), HasSubstr("two lines"));
}

TEST(DramPowerTest, ShareOrSpecification) {
  absl::StatusOr<DramPower> share = DramPower::Parse("25%");
  ASSERT_THAT(share, IsOk());
  EXPECT_EQ(share->Energy(kSecond, 0, 80 * kExactPerJoule), 20 * kExactPerJoule);
  absl::StatusOr<DramPower> own = DramPower::Parse("const:5W");
  ASSERT_THAT(own, IsOk());
  EXPECT_EQ(own->Energy(kSecond, 0, 80 * kExactPerJoule), 5 * kExactPerJoule);
  EXPECT_THAT(DramPower::Parse("101%"), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(DramPower::Parse("5W"), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("like 10%")));
}

}  // namespace
}  // namespace vrapl
