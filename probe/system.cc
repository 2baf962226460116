#include "probe/system.h"

#include <sys/capability.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "bpf/switch_log.h"
#include "sampler/real_time.h"
#include "sampler/run_time_meter.h"

namespace vrapl {
namespace {

struct NeededCapability {
  cap_value_t value;
  const char* name;
  const char* what_for;
};
constexpr NeededCapability kNeeded[] = {
    {CAP_SYS_RAWIO, "cap_sys_rawio", "energy registers"},
    {CAP_DAC_READ_SEARCH, "cap_dac_read_search", "files of root's, energy_uj for one"},
    {CAP_BPF, "cap_bpf", "exact run time"},
    {CAP_PERFMON, "cap_perfmon", "exact run time, perf"},
    {CAP_SYS_NICE, "cap_sys_nice", "punctual samples"},
    {CAP_IPC_LOCK, "cap_ipc_lock", "punctual samples, memory that stays"},
};

std::string SetCapabilities(absl::string_view program) {
  return absl::StrCat("run it as root, or: sudo setcap ", kAllCapabilities, "+ep ", program);
}

Check CheckCapabilities(const SystemState& state) {
  std::vector<std::string> missing;
  std::vector<std::string> names;
  for (const NeededCapability& needed : kNeeded) {
    names.push_back(needed.name);
    if (!state.capabilities.contains(needed.name)) {
      missing.push_back(absl::StrCat(needed.name, " (", needed.what_for, ")"));
    }
  }
  Check check{.id = "capabilities", .title = "capabilities", .verdict = Verdict::kGood, .finding = "", .remedy = ""};
  if (missing.empty()) {
    check.finding = absl::StrCat("all that are needed: ", absl::StrJoin(names, ", "));
  } else {
    check.verdict = Verdict::kLimits;
    check.finding = absl::StrCat("not held: ", absl::StrJoin(missing, ", "));
    check.remedy = SetCapabilities(state.program);
  }
  return check;
}

// Source: Linux Documentation, kernel_lockdown(7): the file lists the levels, the one in force in brackets. Reading
// MSRs stays allowed (arch/x86/kernel/msr.c asks only on writes); confidentiality refuses perf and BPF's reads.
Check CheckLockdown(const SystemState& state) {
  Check check{.id = "lockdown", .title = "kernel lockdown", .verdict = Verdict::kGood, .finding = "", .remedy = ""};
  if (absl::IsNotFound(state.lockdown.status())) {
    check.finding = "off: this kernel has none, or does not show it";
    return check;
  }
  if (!state.lockdown.ok()) {
    check.verdict = Verdict::kUnknown;
    check.finding = std::string(state.lockdown.status().message());
    check.remedy = "run it as root";
    return check;
  }
  const size_t begin = state.lockdown->find('[');
  const size_t end = state.lockdown->find(']');
  const std::string level =
      begin < end && end != std::string::npos ? state.lockdown->substr(begin + 1, end - begin - 1) : *state.lockdown;
  if (level == "none") {
    check.finding = "off";
  } else if (level == "integrity") {
    check.finding = "integrity: reading energy and run time is still allowed";
  } else {
    check.verdict = Verdict::kLimits;
    check.finding = absl::StrCat(level, ": the kernel refuses perf events and what BPF needs to read");
    check.remedy = "boot with lockdown=integrity; where Secure Boot forces it, without Secure Boot";
  }
  return check;
}

// Source: Linux Documentation/admin-guide/sysctl/kernel.rst, "perf_event_paranoid": system-wide events need 0 or less,
// or CAP_PERFMON.
Check CheckPerfEventParanoid(const SystemState& state) {
  Check check{.id = "perf_event_paranoid",
              .title = "perf_event_paranoid",
              .verdict = Verdict::kGood,
              .finding = "",
              .remedy = ""};
  if (!state.perf_event_paranoid.ok()) {
    check.verdict = Verdict::kUnknown;
    check.finding = "not there: a kernel without perf events";
    return check;
  }
  const int64_t level = *state.perf_event_paranoid;
  if (level <= 0) {
    check.finding = absl::StrCat(level, ": anybody may read the host's events");
  } else if (state.capabilities.contains("cap_perfmon") || state.capabilities.contains("cap_sys_admin")) {
    check.finding = absl::StrCat(level, ": closed to others, open to this process (cap_perfmon)");
  } else {
    check.verdict = Verdict::kLimits;
    check.finding = absl::StrCat(level, ": only holders of cap_perfmon may read the host's events");
    check.remedy = absl::StrCat("sudo setcap ", kAllCapabilities, "+ep ", state.program,
                                ", or: sudo sysctl kernel.perf_event_paranoid=0");
  }
  return check;
}

std::string RunTimeRemedy(const SystemState& state, const absl::Status& usable) {
  if (usable.ok()) return "";
  if (absl::IsPermissionDenied(usable)) return SetCapabilities(state.program);
  if (absl::IsFailedPrecondition(usable)) return "";  // the message tells it
  return "a kernel of 5.14 or later with BTF (CONFIG_DEBUG_INFO_BTF, as distributions build it)";
}

// "not bpf and raw-tp: WHY", of those that have the same reason together.
std::string WhyNoBetter(const std::vector<RunTimeFindings>& run_time) {
  std::vector<std::string> reasons;
  for (size_t i = 0; i < run_time.size();) {
    std::vector<absl::string_view> names;
    const absl::Status& why = run_time[i].usable;
    for (; i < run_time.size() && run_time[i].usable == why; ++i)
      names.push_back(RunTimeMethodName(run_time[i].method));
    if (!why.ok()) reasons.push_back(absl::StrCat("not ", absl::StrJoin(names, ", "), ": ", why.message()));
  }
  return absl::StrJoin(reasons, "; ");
}

Check CheckRunTime(const SystemState& state) {
  Check check{.id = "run_time", .title = "run time", .verdict = Verdict::kMissing, .finding = "", .remedy = ""};
  if (state.run_time.empty()) {
    check.verdict = Verdict::kUnknown;
    check.finding = "not looked at";
    return check;
  }
  const std::string why = WhyNoBetter(state.run_time);
  const RunTimeFindings& last = state.run_time.back();
  if (last.usable.ok()) {
    check.verdict = IsExact(last.method) ? Verdict::kGood : Verdict::kLimits;
    check.finding = absl::StrCat(RunTimeMethodName(last.method), ": ", RunTimeError(last.method),
                                 why.empty() ? "" : absl::StrCat("; ", why));
  } else {
    check.finding = why;
  }
  // What mends the best one; where that one works, or as good a one does, there is nothing to mend.
  if (check.verdict != Verdict::kGood) check.remedy = RunTimeRemedy(state, state.run_time.front().usable);
  return check;
}

// Source: Linux Documentation/scheduler/sched-rt-group.rst: real-time threads share sched_rt_runtime_us of each
// second (sched_rt_period_us), -1 is all of it; 0 lets none run.
Check CheckRealTime(const SystemState& state) {
  Check check{.id = "real_time", .title = "real-time priority", .verdict = Verdict::kGood, .finding = "", .remedy = ""};
  if (state.sched_rt_runtime_us.ok() && *state.sched_rt_runtime_us == 0) {
    check.verdict = Verdict::kLimits;
    check.finding = "not allowed (kernel.sched_rt_runtime_us is 0): samples come late on a busy host";
    check.remedy = "sudo sysctl kernel.sched_rt_runtime_us=950000";
  } else if (state.capabilities.contains("cap_sys_nice")) {
    check.finding = "allowed (cap_sys_nice)";
  } else if (state.rtprio_limit >= kSamplerPriority) {
    check.finding = absl::StrCat("allowed (limit rtprio ", state.rtprio_limit, ")");
  } else {
    check.verdict = Verdict::kLimits;
    check.finding = "not allowed: samples come late on a busy host";
    check.remedy = SetCapabilities(state.program);
  }
  return check;
}

std::set<std::string> EffectiveCapabilities() {
  struct Free {
    void operator()(cap_t capabilities) const { ::cap_free(capabilities); }
  };
  const std::unique_ptr<std::remove_pointer_t<cap_t>, Free> mine(::cap_get_proc());
  std::set<std::string> names;
  if (mine == nullptr) return names;
  for (const NeededCapability& needed : kNeeded) {
    cap_flag_value_t held = CAP_CLEAR;
    if (::cap_get_flag(mine.get(), needed.value, CAP_EFFECTIVE, &held) == 0 && held == CAP_SET)
      names.insert(needed.name);
  }
  return names;
}

// Each method from the best on, until one works. What is not allowed for one BPF program is not for another.
std::vector<RunTimeFindings> TryRunTime() {
  std::vector<RunTimeFindings> found;
  for (const RunTimeMethod method : kRunTimeMethods) {
    absl::Status usable;
    if (method == RunTimeMethod::kSchedstat) {
      usable = CheckSchedstat();
    } else if (!found.empty() && !absl::IsUnimplemented(found.back().usable)) {
      usable = found.back().usable;
    } else {
      usable = SwitchLog::Attach(method).status();
    }
    found.push_back({.method = method, .usable = usable, .remedy = ""});
    if (usable.ok()) break;
  }
  return found;
}

std::string OwnPath() {
  std::array<char, PATH_MAX> path;
  const ssize_t size = ::readlink("/proc/self/exe", path.data(), path.size());
  return size > 0 ? std::string(path.data(), static_cast<size_t>(size)) : "vrapl";
}

}  // namespace

SystemState ReadSystem(const HostRoot& files) {
  rlimit rtprio{};
  ::getrlimit(RLIMIT_RTPRIO, &rtprio);
  return {.program = OwnPath(),
          .capabilities = EffectiveCapabilities(),
          .lockdown = ReadSmallFile(files.Path("/sys/kernel/security/lockdown")),
          .perf_event_paranoid = ReadNumberFile(files.Path("/proc/sys/kernel/perf_event_paranoid")),
          .sched_rt_runtime_us = ReadNumberFile(files.Path("/proc/sys/kernel/sched_rt_runtime_us")),
          .rtprio_limit = rtprio.rlim_cur,
          .run_time = TryRunTime()};
}

std::vector<RunTimeFindings> JudgeRunTime(const SystemState& state) {
  std::vector<RunTimeFindings> found = state.run_time;
  for (RunTimeFindings& method : found) method.remedy = RunTimeRemedy(state, method.usable);
  return found;
}

std::vector<Check> JudgeSystem(const SystemState& state) {
  return {CheckRunTime(state), CheckCapabilities(state), CheckRealTime(state), CheckPerfEventParanoid(state),
          CheckLockdown(state)};
}

}  // namespace vrapl
