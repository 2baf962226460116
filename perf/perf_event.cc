#include "perf/perf_event.h"

#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/posix.h"

namespace vrapl {

namespace {

class Kernel final : public PerfEvents {
 public:
  int Open(const perf_event_attr& attr, int cpu, int group) override {
    constexpr pid_t kEveryTask = -1;
    const long fd = ::syscall(SYS_perf_event_open, &attr, kEveryTask, cpu, group, PERF_FLAG_FD_CLOEXEC);
    return fd >= 0 ? static_cast<int>(fd) : -errno;
  }
  int Start(int leader) override {
    return ::ioctl(leader, PERF_EVENT_IOC_ENABLE, PERF_IOC_FLAG_GROUP) == 0 ? 0 : errno;
  }
};

}  // namespace

PerfEvents& KernelPerfEvents() {
  static Kernel kernel;
  return kernel;
}

perf_event_attr GroupAttr(const PerfEvent& event, bool leader) {
  // Everything else stays 0: RAPL's PMUs refuse filters such as exclude_guest (PERF_PMU_CAP_NO_EXCLUDE).
  perf_event_attr attr{};
  attr.size = sizeof attr;
  attr.type = event.type;
  attr.config = event.config;
  attr.read_format = PERF_FORMAT_GROUP | PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
  attr.pinned = leader ? 1 : 0;
  attr.disabled = leader ? 1 : 0;
  return attr;
}

absl::Status PerfOpenError(int error, absl::string_view what, int cpu, const HostRoot& host_root) {
  const std::string tried = absl::StrCat("open ", what, " on CPU ", cpu);
  switch (error) {
    case EACCES:
    case EPERM: {
      const absl::StatusOr<std::string> paranoid =
          ReadSmallFile(host_root.Path("/proc/sys/kernel/perf_event_paranoid"));
      return PosixError(
          error, absl::StrCat(tried, " (kernel.perf_event_paranoid is ", paranoid.ok() ? *paranoid : "unreadable",
                              ": above 0 it takes root or CAP_PERFMON, before Linux 5.8 CAP_SYS_ADMIN; a container's "
                              "seccomp filter may forbid the call altogether)"));
    }
    case ENOENT:
      return PosixError(error, absl::StrCat(tried, " (the PMU is gone: was its driver unloaded? `modprobe rapl`)"));
    case ENODEV:
    case ENXIO:
      return absl::NotFoundError(
          PosixError(error, absl::StrCat(tried, " (the CPU is offline, or its package has no energy counter)"))
              .message());
    case EINVAL:
      return absl::UnimplementedError(
          PosixError(error, absl::StrCat(tried, " (the kernel does not count this domain here)")).message());
    case EMFILE:
      return PosixError(error, absl::StrCat(tried, " (raise the limit: `ulimit -n`)"));
    case ENOSYS:
      return PosixError(error, absl::StrCat(tried, " (a kernel without perf events)"));
    default:
      return PosixError(error, tried);
  }
}

}  // namespace vrapl
