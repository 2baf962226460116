#include "cli/made_load.h"

#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/posix.h"

namespace vrapl {
namespace {

constexpr int64_t kTurnNs = 300 * kNanosPerMilli;

// Turns in which nobody works alternate with those of more and more workers, up to `cpus`, in 16 steps at most: ten
// seconds have seen them all.
int WorkersAt(int64_t since_ns, int cpus) {
  const int64_t turn = since_ns / kTurnNs;
  const int steps = std::min(cpus, 16);
  return turn % 2 == 0 ? 0 : (static_cast<int>(turn / 2 % steps) + 1) * cpus / steps;
}

void Work(int worker, int cpus, int64_t start_ns) {
  for (;;) {
    const int64_t since_ns = MonotonicNs() - start_ns;
    if (WorkersAt(since_ns, cpus) <= worker) {
      RealClock().SleepUntil(start_ns + (since_ns / kTurnNs + 1) * kTurnNs);
      continue;
    }
    volatile uint64_t sum = 0;
    for (uint64_t i = 0; i < 20'000; ++i) sum = sum * 6364136223846793005ULL + i;
  }
}

[[noreturn]] void BecomeLoad(pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(0);
  ::prctl(PR_SET_NAME, "calibrate-load");
  ::setpriority(PRIO_PROCESS, 0, 19);
  cpu_set_t allowed;
  const int cpus = ::sched_getaffinity(0, sizeof allowed, &allowed) == 0 ? std::max(1, CPU_COUNT(&allowed)) : 1;
  const int64_t start_ns = MonotonicNs();
  std::vector<std::thread> workers;
  for (int worker = 1; worker < cpus; ++worker) workers.emplace_back(Work, worker, cpus, start_ns);
  Work(0, cpus, start_ns);
  ::_exit(0);
}

}  // namespace

absl::StatusOr<std::unique_ptr<MadeLoad>> MadeLoad::Start() {
  const pid_t self = ::getpid();
  const pid_t pid = ::fork();
  if (pid == 0) BecomeLoad(self);
  if (pid < 0) {
    const int error = errno;
    return PosixError(error, "start the load");
  }
  return std::unique_ptr<MadeLoad>(new MadeLoad(pid));
}

MadeLoad::~MadeLoad() {
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

}  // namespace vrapl
