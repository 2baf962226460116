// What this machine and this process allow, apart from the energy counters: capabilities, lockdown, real time, BPF.
//
// Reading (ReadSystem) is apart from judging (JudgeSystem), so that every verdict can be tested on any machine.
// Threads: any.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/host_root.h"
#include "probe/findings.h"

namespace vrapl {

// What setcap must give the program, so that nothing needs root. Always all of it: setcap takes away what it does not
// name.
inline constexpr char kAllCapabilities[] =
    "cap_sys_rawio,cap_dac_read_search,cap_bpf,cap_perfmon,cap_sys_nice,cap_ipc_lock";

struct SystemState {
  std::string program = "vrapl";                                   // our own path, for remedies
  std::set<std::string> capabilities;                              // effective ones, "cap_sys_rawio"
  absl::StatusOr<std::string> lockdown = absl::NotFoundError("");  // "[none] integrity confidentiality"
  absl::StatusOr<int64_t> perf_event_paranoid = absl::NotFoundError("");
  absl::StatusOr<int64_t> sched_rt_runtime_us = absl::NotFoundError("");
  uint64_t rtprio_limit = 0;              // RLIMIT_RTPRIO
  std::vector<RunTimeFindings> run_time;  // as in ProbeFindings; remedies are added by JudgeRunTime()
};

// Of this machine and process; `files` is where /proc/sys and /sys/kernel lie, "" but in tests. Loads the BPF program
// and takes it away again, which takes some ms.
SystemState ReadSystem(const HostRoot& files = HostRoot());

// `state.run_time` with what makes usable what is not.
std::vector<RunTimeFindings> JudgeRunTime(const SystemState& state);

// In the order in which they are shown.
std::vector<Check> JudgeSystem(const SystemState& state);

}  // namespace vrapl
