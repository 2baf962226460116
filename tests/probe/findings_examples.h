// Findings made by hand for tests: a process that may do everything, and a host of which every kind of thing is told.
#pragma once

#include "probe/findings.h"
#include "probe/system.h"

namespace vrapl {

// A process that may do everything, on a kernel that refuses nothing.
inline SystemState FreeSystem() {
  return {.program = "/usr/bin/vrapl",
          .capabilities = {"cap_sys_rawio", "cap_dac_read_search", "cap_bpf", "cap_perfmon", "cap_sys_nice",
                           "cap_ipc_lock"},
          .lockdown = std::string("[none] integrity confidentiality"),
          .perf_event_paranoid = int64_t{2},
          .sched_rt_runtime_us = int64_t{950'000},
          .rtprio_limit = 0,
          .run_time = {{.method = RunTimeMethod::kBpf, .usable = absl::OkStatus(), .remedy = ""}}};
}

// A user's, without any privilege.
inline SystemState BoundSystem() {
  SystemState state = FreeSystem();
  state.capabilities.clear();
  state.run_time.clear();
  for (const RunTimeMethod method : kRunTimeMethods) {
    const bool bpf = method != RunTimeMethod::kSchedstat;
    state.run_time.push_back({.method = method,
                              .usable = bpf ? absl::PermissionDeniedError("load the sched_switch program without "
                                                                          "CAP_BPF and CAP_PERFMON")
                                            : absl::OkStatus(),
                              .remedy = ""});
  }
  return state;
}

inline std::vector<Vm> TwoVms() {
  Vm web{.uuid = "6c1d4b8e-0d57-4f5e-9b6e-2f3a5d1c7e90", .name = "web", .pid = 4711, .vcpus = {{0, 4720}, {1, 4721}}};
  web.ports = {{.kind = GuestPort::Kind::kVirtioChannel,
                .transport = GuestPort::Transport::kUnix,
                .path = "/run/libvirt/web.sock",
                .name = "org.vrapl.power.0"},
               {.kind = GuestPort::Kind::kIsaSerial,
                .transport = GuestPort::Transport::kPty,
                .path = "/dev/pts/3",
                .isa_port = 0}};
  Vm db{.uuid = "0f9a7c52-5be1-4a0c-8a54-b2f1f2f4a111", .name = "db", .pid = 4802, .vcpus = {{0, 4811}}};
  db.ports = {{.kind = GuestPort::Kind::kIsaSerial,
               .transport = GuestPort::Transport::kPty,
               .path = "/dev/pts/4",
               .isa_port = 0}};
  return {db, web};
}

}  // namespace vrapl
