#include "bpf/switch_log.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/posix.h"
#include "switch_log.skel.h"

namespace vrapl {
namespace {

static_assert(sizeof(switch_record) == 40);
static_assert(sizeof(cpu_observation) == 64);
static_assert(offsetof(switch_log, records) == 128);
static_assert(sizeof(switch_log) % 8 == 0, "the kernel pads array elements to 8 bytes; ours must not need it");

// libbpf explains failures on its print callback only; the last warnings are kept for our own message.
thread_local std::string* libbpf_warnings = nullptr;

int CollectWarnings(libbpf_print_level level, const char* format, va_list arguments) {
  if (level != LIBBPF_WARN || libbpf_warnings == nullptr) return 0;
  char line[512];
  std::vsnprintf(line, sizeof line, format, arguments);
  libbpf_warnings->append(line);
  return 0;
}

// The first line of libbpf's warnings that says why, without its prefix.
std::string Reason(const std::string& warnings) {
  const size_t end = warnings.find('\n');
  return warnings.substr(0, end == std::string::npos ? warnings.size() : end);
}

// The kernel names threads by their numbers in the initial PID namespace. In another one, numbers are others: the log
// would name threads of strangers.
absl::Status CheckPidNamespace() {
  constexpr ino_t kInitialPidNamespace = 0xEFFFFFFC;  // PROC_PID_INIT_INO, Linux include/linux/proc_ns.h
  struct stat found;
  if (::stat("/proc/self/ns/pid", &found) != 0 || found.st_ino == kInitialPidNamespace) return absl::OkStatus();
  return absl::FailedPreconditionError(
      "read the switch log: this program is in a PID namespace of its own, and the kernel names threads by the host's "
      "numbers (start the container in the host's: docker and podman --pid=host, Kubernetes hostPID: true)");
}

// Which of the capabilities that the program takes this thread has not: "CAP_BPF", "CAP_PERFMON", both, or "".
std::string MissingCapabilities() {
  __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct data[2] = {};
  if (::syscall(SYS_capget, &header, data) != 0) return "";
  const auto has = [&](int capability) {
    return (data[CAP_TO_INDEX(capability)].effective & CAP_TO_MASK(capability)) != 0;
  };
  if (has(CAP_SYS_ADMIN)) return "";  // stands for both: Linux include/linux/capability.h, bpf_capable()
  if (!has(CAP_BPF) && !has(CAP_PERFMON)) return "CAP_BPF and CAP_PERFMON";
  return has(CAP_BPF) ? has(CAP_PERFMON) ? "" : "CAP_PERFMON" : "CAP_BPF";
}

absl::Status ExplainLoadError(int error, const std::string& warnings) {
  if (error == EPERM || error == EACCES) {
    const std::string missing = MissingCapabilities();
    if (missing.empty() && error == EACCES && !warnings.empty()) {
      // The verifier's word for a program that this kernel does not take.
      return absl::UnimplementedError(
          absl::StrCat("load the sched_switch program: the kernel refuses it (", Reason(warnings), ")"));
    }
    if (missing.empty()) {
      return absl::PermissionDeniedError(
          absl::StrCat("load the sched_switch program: ", std::strerror(error),
                       ", though no capability is missing: kernel lockdown (/sys/kernel/security/lockdown) or the "
                       "container's rules forbid it"));
    }
    return absl::PermissionDeniedError(absl::StrCat("load the sched_switch program without ", missing,
                                                    " (run as root, or setcap cap_bpf,cap_perfmon+ep)"));
  }
  if (::access("/sys/kernel/btf/vmlinux", R_OK) != 0) {
    return absl::UnimplementedError(
        "load the sched_switch program: this kernel has no BTF (/sys/kernel/btf/vmlinux); run a kernel built with "
        "CONFIG_DEBUG_INFO_BTF=y, or give its BTF by --btf=FILE");
  }
  return absl::UnimplementedError(
      absl::StrCat("load the sched_switch program: ", std::strerror(error), " (", Reason(warnings), ")"));
}

}  // namespace

struct SwitchLog::Skeleton {
  switch_log_program* object = nullptr;
  const bpf_program* switch_program() const {
    return bpf_program__fd(object->progs.on_sched_switch) >= 0 ? object->progs.on_sched_switch
                                                               : object->progs.on_sched_switch_raw;
  }
  ~Skeleton() { switch_log_program__destroy(object); }
};

SwitchLog::SwitchLog(std::unique_ptr<Skeleton> skeleton) : skeleton_(std::move(skeleton)) {}

SwitchLog::~SwitchLog() {
  if (logs_ != nullptr) ::munmap(logs_, mapped_bytes_);
}

absl::StatusOr<std::unique_ptr<SwitchLog>> SwitchLog::Attach(const std::string& btf) {
  absl::Status why;
  for (const RunTimeMethod method : kRunTimeMethods) {
    if (method == RunTimeMethod::kSchedstat) break;
    absl::StatusOr<std::unique_ptr<SwitchLog>> log = Attach(method, btf);
    if (log.ok() || !absl::IsUnimplemented(log.status())) return log;
    why.Update(log.status());  // the first: why the best one is not to be had
  }
  return why;
}

absl::StatusOr<std::unique_ptr<SwitchLog>> SwitchLog::Attach(RunTimeMethod method, const std::string& btf) {
  if (method == RunTimeMethod::kSchedstat) return absl::InvalidArgumentError("schedstat needs no switch log");
  if (absl::Status same = CheckPidNamespace(); !same.ok()) return same;
  // Kernels before 5.11 charge map memory to RLIMIT_MEMLOCK.
  const rlimit unlimited{RLIM_INFINITY, RLIM_INFINITY};
  ::setrlimit(RLIMIT_MEMLOCK, &unlimited);

  std::string warnings;
  libbpf_warnings = &warnings;
  libbpf_set_print(CollectWarnings);
  struct Restore {
    ~Restore() { libbpf_warnings = nullptr; }
  } restore;

  auto skeleton = std::make_unique<Skeleton>();
  LIBBPF_OPTS(bpf_object_open_opts, options, .btf_custom_path = btf.empty() ? nullptr : btf.c_str());
  skeleton->object = switch_log_program__open_opts(&options);
  if (skeleton->object == nullptr) return ExplainLoadError(errno, warnings);
  const bool raw = method == RunTimeMethod::kRawTp || method == RunTimeMethod::kRawTpKtime;
  bpf_program__set_autoload(skeleton->object->progs.on_sched_switch, !raw);
  bpf_program__set_autoload(skeleton->object->progs.on_sched_switch_raw, raw);
  // Without run queues there is nothing to look at.
  bpf_program__set_autoload(skeleton->object->progs.observe_cpus, !UsesKtime(method));
  skeleton->object->rodata->use_ktime = UsesKtime(method);
  const int cpus = libbpf_num_possible_cpus();
  if (cpus <= 0) return absl::UnavailableError("count the possible CPUs (/sys/devices/system/cpu/possible)");
  bpf_map__set_max_entries(skeleton->object->maps.switch_logs, static_cast<uint32_t>(cpus));
  bpf_map__set_max_entries(skeleton->object->maps.run_queues, static_cast<uint32_t>(cpus));
  if (const int error = -switch_log_program__load(skeleton->object); error != 0)
    return ExplainLoadError(error, warnings);

  std::unique_ptr<SwitchLog> log(new SwitchLog(std::move(skeleton)));
  log->method_ = method;
  log->possible_cpus_ = cpus;
  log->mapped_bytes_ = sizeof(switch_log) * static_cast<size_t>(cpus);
  void* mapping = ::mmap(nullptr, log->mapped_bytes_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
                         bpf_map__fd(log->skeleton_->object->maps.switch_logs), 0);
  if (mapping == MAP_FAILED) {
    const int error = errno;
    return PosixError(error, "map the switch logs");
  }
  log->logs_ = static_cast<switch_log*>(mapping);
  log->observe_fd_ = bpf_program__fd(log->skeleton_->object->progs.observe_cpus);
  // Attached last: from here on every switch is in a log that is already mapped.
  if (const int error = -switch_log_program__attach(log->skeleton_->object); error != 0) {
    return ExplainLoadError(error, warnings);
  }
  return log;
}

bool SwitchLog::ReadClockPair(int cpu, uint64_t& clock, uint64_t& monotonic) const {
  switch_log& source = log(cpu);
  const std::atomic_ref<__u64> version(source.pair_version);
  const uint64_t before = version.load(std::memory_order_acquire);
  if (before == 0 || before % 2 != 0) return false;
  clock = std::atomic_ref<__u64>(source.pair_clock).load(std::memory_order_relaxed);
  monotonic = std::atomic_ref<__u64>(source.pair_monotonic).load(std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_acquire);
  return version.load(std::memory_order_relaxed) == before;
}

void SwitchLog::Observe(int first_cpu, int end_cpu, uint32_t reader) {
  if (observe_fd_ < 0) return;
  while (first_cpu < end_cpu) {
    observe_args args{
        .first_cpu = static_cast<uint32_t>(first_cpu), .end_cpu = static_cast<uint32_t>(end_cpu), .reader = reader};
    LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = &args, .ctx_size_in = sizeof args);
    if (bpf_prog_test_run_opts(observe_fd_, &options) != 0) {
      for (int cpu = first_cpu; cpu < end_cpu; ++cpu) {
        if (log(cpu).observation.wanted == reader) log(cpu).observation.valid = 0;
      }
      return;
    }
    first_cpu += VRAPL_OBSERVE_MAX;
  }
}

void SwitchLog::Prime(absl::Span<const int> cpus) const {
  constexpr int64_t kLongestSleepNs = 1'000'000;
  cpu_set_t original;
  if (::sched_getaffinity(0, sizeof original, &original) != 0) return;
  for (const int cpu : cpus) {
    if (cpu >= possible_cpus_) continue;  // has no log: a CPU of another machine
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<size_t>(cpu), &one);
    const uint64_t head = Head(cpu);
    if (::sched_setaffinity(0, sizeof one, &one) != 0) continue;  // offline: it will switch when it comes
    // The move is a switch on that CPU, unless this thread was there already: a sleep is one wherever it was. But not a
    // sleep that is over before the thread has left the CPU, which on a slow machine takes long; and a switch of a thread
    // that the kernel hides is never seen, however long it sleeps.
    for (int64_t sleep_ns = 1; Head(cpu) == head && sleep_ns <= kLongestSleepNs; sleep_ns *= 10) {
      const timespec blink = {.tv_sec = 0, .tv_nsec = sleep_ns};
      ::clock_nanosleep(CLOCK_MONOTONIC, 0, &blink, nullptr);
    }
  }
  ::sched_setaffinity(0, sizeof original, &original);
}

namespace {

bpf_prog_info InfoOf(const bpf_program* program) {
  bpf_prog_info info{};
  uint32_t size = sizeof info;
  if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size) != 0) return {};
  return info;
}

}  // namespace

SwitchLog::ProgramCost SwitchLog::Cost() const {
  const bpf_prog_info info = InfoOf(skeleton_->switch_program());
  return {.runs = info.run_cnt, .run_time_ns = info.run_time_ns};
}

uint64_t SwitchLog::RecursionMisses() const {
  const bpf_prog_info info = InfoOf(skeleton_->switch_program());
  // A count that cannot be read must not pass for a count of nothing; every program has an id.
  return info.id == 0 ? UINT64_MAX : info.recursion_misses;
}

}  // namespace vrapl
