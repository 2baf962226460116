#include "probe/system.h"

#include <algorithm>
#include <cstdlib>

#include "tests/fakes/host_builder.h"
#include "tests/probe/findings_examples.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

Check Find(const SystemState& state, const std::string& id) {
  const std::vector<Check> checks = JudgeSystem(state);
  const auto found = std::find_if(checks.begin(), checks.end(), [&](const Check& check) { return check.id == id; });
  if (found == checks.end()) {
    ADD_FAILURE() << "no check " << id;
    return {};
  }
  return *found;
}

TEST(SystemTest, NothingIsToBeMendedWhereEverythingIsAllowed) {
  for (const Check& check : JudgeSystem(FreeSystem())) {
    EXPECT_EQ(check.verdict, Verdict::kGood) << check.id << ": " << check.finding;
    EXPECT_THAT(check.remedy, IsEmpty()) << check.id;
  }
}

TEST(SystemTest, WhatIsNotGoodHasARemedy) {
  SystemState bound = BoundSystem();
  bound.lockdown = std::string("none integrity [confidentiality]");
  for (const Check& check : JudgeSystem(bound)) {
    EXPECT_NE(check.verdict, Verdict::kGood) << check.id << ": " << check.finding;
    EXPECT_THAT(check.remedy, Not(IsEmpty())) << check.id;
  }
}

TEST(SystemTest, TheCapabilityThatIsMissingIsNamedWithItsUse) {
  SystemState state = FreeSystem();
  state.capabilities.erase("cap_sys_rawio");
  const Check check = Find(state, "capabilities");
  EXPECT_EQ(check.verdict, Verdict::kLimits);
  EXPECT_THAT(check.finding, AllOf(HasSubstr("cap_sys_rawio (energy registers)"), Not(HasSubstr("cap_bpf"))));
  EXPECT_THAT(check.remedy, AllOf(HasSubstr("sudo setcap"), HasSubstr("cap_sys_rawio"), HasSubstr("/usr/bin/vrapl")));
}

TEST(SystemTest, LockdownByItsLevel) {
  SystemState state = FreeSystem();
  state.lockdown = std::string("none [integrity] confidentiality");
  EXPECT_EQ(Find(state, "lockdown").verdict, Verdict::kGood);
  EXPECT_THAT(Find(state, "lockdown").finding, HasSubstr("integrity"));
  state.lockdown = std::string("none integrity [confidentiality]");
  EXPECT_EQ(Find(state, "lockdown").verdict, Verdict::kLimits);
  state.lockdown = absl::NotFoundError("no such file");
  EXPECT_EQ(Find(state, "lockdown").verdict, Verdict::kGood);
  state.lockdown = absl::PermissionDeniedError("open lockdown");
  EXPECT_EQ(Find(state, "lockdown").verdict, Verdict::kUnknown);
}

TEST(SystemTest, PerfIsClosedToWhoHasNoCapability) {
  SystemState state = FreeSystem();
  state.capabilities.erase("cap_perfmon");
  EXPECT_EQ(Find(state, "perf_event_paranoid").verdict, Verdict::kLimits);
  EXPECT_THAT(Find(state, "perf_event_paranoid").remedy, HasSubstr("sysctl kernel.perf_event_paranoid=0"));
  state.perf_event_paranoid = int64_t{0};
  EXPECT_EQ(Find(state, "perf_event_paranoid").verdict, Verdict::kGood);
}

TEST(SystemTest, RealTimeByCapabilityOrByLimit) {
  SystemState state = FreeSystem();
  state.capabilities.erase("cap_sys_nice");
  EXPECT_EQ(Find(state, "real_time").verdict, Verdict::kLimits);
  state.rtprio_limit = 10;  // less than the sampling thread asks for
  EXPECT_EQ(Find(state, "real_time").verdict, Verdict::kLimits);
  state.rtprio_limit = 99;
  EXPECT_EQ(Find(state, "real_time").verdict, Verdict::kGood);
  state.sched_rt_runtime_us = int64_t{0};
  EXPECT_EQ(Find(state, "real_time").verdict, Verdict::kLimits);
  EXPECT_THAT(Find(state, "real_time").remedy, HasSubstr("sched_rt_runtime_us"));
  state.sched_rt_runtime_us = int64_t{-1};
  EXPECT_EQ(Find(state, "real_time").verdict, Verdict::kGood);
}

TEST(SystemTest, ReadsThisMachinesFiles) {
  HostBuilder files(CpuVendor::kIntel, 6, 0x55);
  files.Write("/sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
  files.Write("/proc/sys/kernel/perf_event_paranoid", "3\n");
  files.Write("/proc/sys/kernel/sched_rt_runtime_us", "-1\n");
  const SystemState state = ReadSystem(files.root());
  EXPECT_THAT(state.lockdown, IsOkAndHolds(HasSubstr("[integrity]")));
  EXPECT_THAT(state.perf_event_paranoid, IsOkAndHolds(3));
  EXPECT_THAT(state.sched_rt_runtime_us, IsOkAndHolds(-1));
  EXPECT_THAT(state.program, HasSubstr("system_test"));
}

}  // namespace
}  // namespace vrapl
