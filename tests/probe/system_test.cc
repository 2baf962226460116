#include "probe/system.h"

#include <algorithm>
#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
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

SystemState WithRunTime(std::vector<std::pair<RunTimeMethod, absl::Status>> tried) {
  SystemState state = FreeSystem();
  state.run_time.clear();
  for (auto& [method, usable] : tried) state.run_time.push_back({.method = method, .usable = usable, .remedy = ""});
  return state;
}

TEST(SystemTest, RunTimeIsGoodWhereEverySwitchIsSeen) {
  const absl::Status no_trampoline = absl::UnimplementedError("no trampoline");
  const Check best = Find(WithRunTime({{RunTimeMethod::kBpf, absl::OkStatus()}}), "run_time");
  EXPECT_EQ(best.verdict, Verdict::kGood);
  EXPECT_THAT(best.finding, AllOf(testing::StartsWith("bpf: every switch"), Not(HasSubstr("not "))));
  const Check raw =
      Find(WithRunTime({{RunTimeMethod::kBpf, no_trampoline}, {RunTimeMethod::kRawTp, absl::OkStatus()}}), "run_time");
  EXPECT_EQ(raw.verdict, Verdict::kGood);
  EXPECT_THAT(raw.finding, AllOf(testing::StartsWith("raw-tp: "), HasSubstr("; not bpf: no trampoline")));
  const Check ktime = Find(WithRunTime({{RunTimeMethod::kBpf, no_trampoline},
                                        {RunTimeMethod::kRawTp, no_trampoline},
                                        {RunTimeMethod::kBpfKtime, absl::OkStatus()}}),
                           "run_time");
  EXPECT_EQ(ktime.verdict, Verdict::kLimits);
  EXPECT_THAT(ktime.finding, AllOf(HasSubstr("stolen"), HasSubstr("; not bpf, raw-tp: no trampoline")));
  EXPECT_THAT(ktime.remedy, HasSubstr("CONFIG_DEBUG_INFO_BTF"));
}

TEST(SystemTest, WhyRunTimeIsNotBetterAndWhatMendsIt) {
  const std::vector<RunTimeFindings> found = JudgeRunTime(BoundSystem());
  ASSERT_EQ(found.size(), 5u);
  EXPECT_THAT(found[0].remedy, HasSubstr("setcap"));
  EXPECT_THAT(found[4].remedy, IsEmpty());
  const Check check = Find(BoundSystem(), "run_time");
  EXPECT_EQ(check.verdict, Verdict::kLimits);
  EXPECT_THAT(check.finding,
              AllOf(testing::StartsWith("schedstat: "),
                    HasSubstr("not bpf, raw-tp, bpf-ktime, raw-tp-ktime: load the sched_switch program")));
  EXPECT_THAT(check.remedy, HasSubstr("setcap"));
  // Where not even the kernel keeps accounts, nothing is known.
  const absl::Status denied = absl::PermissionDeniedError("denied");
  const Check none = Find(WithRunTime({{RunTimeMethod::kBpf, denied},
                                       {RunTimeMethod::kSchedstat, absl::UnimplementedError("no accounts")}}),
                          "run_time");
  EXPECT_EQ(none.verdict, Verdict::kMissing);
  EXPECT_THAT(none.finding, AllOf(HasSubstr("not bpf: denied"), HasSubstr("not schedstat: no accounts")));
}

TEST(SystemTest, TheMethodsOfThisMachineEndWithOneThatWorks) {
  const SystemState state = ReadSystem();
  ASSERT_FALSE(state.run_time.empty());
  EXPECT_EQ(state.run_time.front().method, RunTimeMethod::kBpf);
  for (size_t i = 0; i + 1 < state.run_time.size(); ++i) {
    EXPECT_FALSE(state.run_time[i].usable.ok());
    EXPECT_FALSE(state.run_time[i].usable.message().empty());
  }
}

// The systemd unit gives what setcap would give.
TEST(SystemTest, TheUnitLeavesEveryCapabilityThatIsNeeded) {
  const std::string unit = ReadSmallFile(VRAPL_SOURCE "/packaging/vrapl.service").value();
  const size_t begin = unit.find("\nCapabilityBoundingSet=") + 1;
  const std::string set = absl::AsciiStrToLower(unit.substr(begin, unit.find('\n', begin) - begin)) + " ";
  for (const absl::string_view name : absl::StrSplit(kAllCapabilities, ',')) {
    EXPECT_THAT(set, testing::ContainsRegex(absl::StrCat("[ =]", name, " ")));
  }
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
