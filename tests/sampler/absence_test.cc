#include "sampler/absence.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/clock.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

constexpr double kUnitUj = 61.03515625;

CounterState At(int64_t boottime_ns, uint64_t raw, bool running) {
  CounterState state{.boot_id = "boot", .backend = "msr", .boottime_ns = boottime_ns, .running = running};
  state.counters = {
      {.domain = {RaplDomain::kPackage}, .raw = raw, .wrap_ticks = uint64_t{1} << 32, .unit_uj = kUnitUj}};
  return state;
}

Unobserved Only(const CounterState& before, const CounterState& now) {
  const std::vector<Unobserved> all = UnobservedBetween(before, now);
  EXPECT_THAT(all, SizeIs(1));
  return all.at(0);
}

TEST(AbsenceTest, WhatACounterCountedMeanwhileIsKnownThroughAWraparound) {
  Unobserved found = Only(At(0, 1000, false), At(10 * kNanosPerSecond, 1000 + 16384, true));
  EXPECT_EQ(found.energy_uj, 1'000'000);
  EXPECT_EQ(found.ns, 10 * kNanosPerSecond);
  EXPECT_EQ(DescribeUnobserved(found), "package 0 package: 1.000 J in the 10.0 s in which vrapl did not run");
  found = Only(At(0, (uint64_t{1} << 32) - 384, false), At(10 * kNanosPerSecond, 16000, true));
  EXPECT_EQ(found.energy_uj, 1'000'000);
}

TEST(AbsenceTest, WhatCannotBeKnownIsNoFigure) {
  const CounterState now = At(100 * kNanosPerSecond, 2000, true);
  EXPECT_TRUE(Only(At(0, 1000, false), now).energy_uj.has_value());
  CounterState before = At(0, 1000, false);
  before.boot_id = "another";
  EXPECT_THAT(Only(before, now).why_unknown, HasSubstr("started anew"));
  before = At(0, 1000, /*running=*/true);
  EXPECT_THAT(Only(before, now).why_unknown, HasSubstr("did not end by itself"));
  before = At(0, 1000, false);
  before.backend = "sysfs";
  EXPECT_THAT(Only(before, now).why_unknown, HasSubstr("otherwise"));
  before = At(0, 1000, false);
  before.host_root = "/emulated";
  EXPECT_THAT(Only(before, now).why_unknown, HasSubstr("otherwise"));
  before = At(0, 1000, false);
  before.counters[0].unit_uj = 15.3;
  EXPECT_THAT(Only(before, now).why_unknown, HasSubstr("not read before"));
  before = At(200 * kNanosPerSecond, 1000, false);
  EXPECT_THAT(Only(before, now).why_unknown, HasSubstr("another time"));
  // 262144 J at 2 kW are 131 s.
  EXPECT_TRUE(Only(At(0, 1000, false), At(131 * kNanosPerSecond, 2000, true)).energy_uj.has_value());
  const Unobserved late = Only(At(0, 1000, false), At(132 * kNanosPerSecond, 2000, true));
  EXPECT_FALSE(late.energy_uj.has_value());
  EXPECT_THAT(DescribeUnobserved(late), HasSubstr("is not known: it may have wrapped around"));
}

TEST(AbsenceTest, AStateComesBackAsItWasAndWhatIsNoneIsNone) {
  std::string name = testing::TempDir() + "state-XXXXXX";
  const std::string directory = ::mkdtemp(name.data());
  const std::string path = directory + "/counters.json";
  EXPECT_FALSE(LoadCounterState(path).has_value());
  CounterState state = At(7, 12345, false);
  state.counters.push_back(
      {.package_id = 1, .die_id = 2, .domain = {RaplDomain::kCore, 5}, .raw = 99, .wrap_ticks = 1000, .unit_uj = 0.1});
  ASSERT_THAT(StoreCounterState(state, path), IsOk());
  const std::optional<CounterState> back = LoadCounterState(path);
  ASSERT_TRUE(back.has_value());
  state.boottime_ns = 1;  // the same state later: everything is known, and nothing was used
  CounterState now = *back;
  for (const Unobserved& unobserved : UnobservedBetween(state, now)) {
    EXPECT_EQ(unobserved.energy_uj, 0) << unobserved.why_unknown;
  }
  EXPECT_THAT(back->counters, SizeIs(2));
  for (const char* text : {"", "{", "[]", "{\"version\":1}", "{\"version\":2}", "null"}) {
    std::ofstream(path) << text;
    EXPECT_FALSE(LoadCounterState(path).has_value()) << text;
  }
  std::filesystem::remove_all(directory);
  EXPECT_FALSE(StoreCounterState(state, path).ok());
}

}  // namespace
}  // namespace vrapl
