// perf_event_open as the sources use it: counting events of a whole CPU, several of them in one group.
//
// Threads: any.
// Source: perf_event_open(2); Linux kernel/events/core.c, perf_event_open() and perf_read(); arch/x86/events/rapl.c and
// drivers/powercap/intel_rapl_common.c, rapl_pmu_event_init(): no sampling, no filters, a CPU and no task.
#pragma once

#include <linux/perf_event.h>

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "base/host_root.h"

namespace vrapl {

// What to count: the PMU's number and the PMU's number for the event.
struct PerfEvent {
  uint32_t type = 0;
  uint64_t config = 0;
};

// The kernel's two calls; tests stand in for it here. Neither allocates.
class PerfEvents {
 public:
  virtual ~PerfEvents() = default;
  // Opens one event on one CPU and returns its descriptor, or -errno. `group` is the leader's descriptor, -1 for a
  // leader.
  virtual int Open(const perf_event_attr& attr, int cpu, int group) = 0;
  // Lets a group count, all members from one instant on. Returns 0, or the errno.
  virtual int Start(int leader) = 0;
};

// The running kernel's. Stateless; one for the whole program.
PerfEvents& KernelPerfEvents();

// What an event of a group is opened with. All members come with one read(). The leader does not count until Start():
// a member that joins a group which counts already may never be put on its CPU and read 0 for ever, without an error
// (seen on Linux 6.18). A pinned group that the kernel cannot keep counting ends (reads give 0 bytes) instead of
// counting now and then.
perf_event_attr GroupAttr(const PerfEvent& event, bool leader);

// Why opening `what` on `cpu` failed, and what the operator can do about it.
//
// PERMISSION_DENIED names kernel.perf_event_paranoid as it is set, and CAP_PERFMON. NOT_FOUND: the PMU or the CPU is
// not there. UNIMPLEMENTED: the PMU does not count this event.
absl::Status PerfOpenError(int error, absl::string_view what, int cpu, const HostRoot& host_root);

}  // namespace vrapl
