#include "bench/made_vms.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <random>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/clock.h"
#include "base/posix.h"
#include "vm/qemu_process.h"

namespace vrapl {
namespace {

// Wakes at random, so that VMs do not march in step.
[[noreturn]] void WakeAndWork(uint32_t seed, int wakes, int work_us) {
  std::mt19937 random(seed);
  const int64_t mean_ns = kNanosPerSecond / wakes;
  std::uniform_int_distribution<int64_t> pause_ns(mean_ns / 2, mean_ns * 3 / 2);
  for (int64_t deadline_ns = MonotonicNs();;) {
    deadline_ns += pause_ns(random);
    RealClock().SleepUntil(deadline_ns);
    for (const int64_t end_ns = MonotonicNs() + int64_t{work_us} * 1000; MonotonicNs() < end_ns;) {
    }
  }
}

[[noreturn]] void LiveAsVm(int number, const MadeVms::Options& options, const UniqueFd& tids) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (int vcpu = 0; vcpu < options.vcpus; ++vcpu) {
    const auto seed = static_cast<uint32_t>(number * 1000 + vcpu);
    std::thread([&, vcpu, seed] {
      ::pthread_setname_np(::pthread_self(), absl::StrCat("CPU ", vcpu, "/KVM").c_str());
      const Vcpu self{.index = vcpu, .tid = ::gettid()};
      if (::write(tids.get(), &self, sizeof self) != sizeof self) std::abort();
      WakeAndWork(seed, options.vcpu_wakes, options.vcpu_work_us);
    }).detach();
  }
  WakeAndWork(static_cast<uint32_t>(number * 1000 + 999), options.main_loop_wakes, options.main_loop_work_us);
}

void Signal(const std::vector<Vm>& vms, int signal) {
  for (const Vm& vm : vms) ::kill(vm.pid, signal);
}

}  // namespace

MadeVms::MadeVms(const Options& options) {
  for (int number = 0; number < options.vms; ++number) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) std::abort();
    const UniqueFd told(ends[0]);
    const UniqueFd tell(ends[1]);
    const pid_t pid = ::fork();
    if (pid < 0) std::abort();
    if (pid == 0) LiveAsVm(number, options, tell);
    Vm vm{.uuid = absl::StrFormat("00000000-0000-0000-0000-%012d", number),
          .name = absl::StrCat("made-", number),
          .pid = pid,
          .start_time = ReadStartTime("/proc", pid).value_or(0)};
    vm.vcpus.resize(static_cast<size_t>(options.vcpus));
    for (int i = 0; i < options.vcpus; ++i) {
      Vcpu vcpu;
      if (::read(told.get(), &vcpu, sizeof vcpu) != sizeof vcpu) std::abort();
      vm.vcpus[static_cast<size_t>(vcpu.index)] = vcpu;
    }
    vms_.push_back(std::move(vm));
  }
}

MadeVms::~MadeVms() {
  Signal(vms_, SIGKILL);
  for (const Vm& vm : vms_) ::waitpid(vm.pid, nullptr, 0);
}

void MadeVms::Pause() const { Signal(vms_, SIGSTOP); }
void MadeVms::Continue() const { Signal(vms_, SIGCONT); }

}  // namespace vrapl
