// vCPUs that run a boot sector: `cli; jmp .`. One by KVM's own interface, for which no QEMU is needed; one by QEMU's
// translator, for which no KVM is.
#include <fcntl.h>
#include <linux/kvm.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/posix.h"
#include "tests/bpf/workload_threads.h"

namespace vrapl {
namespace {

constexpr unsigned char kLoop[] = {0xfa, 0xeb, 0xfe};  // cli; jmp .

class KvmVcpu : public ThreadWorkload {
 public:
  ~KvmVcpu() override { KvmVcpu::Stop(); }
  absl::string_view name() const override { return "kvm-vcpu"; }

  absl::Status Start() override {
    if (absl::Status status = Create(); !status.ok()) {
      Release();
      return status;
    }
    // Interrupts KVM_RUN; that is all it is for.
    struct sigaction action {};
    action.sa_handler = [](int) {};
    ::sigaction(SIGUSR1, &action, nullptr);
    error_ = 0;
    entered_ = false;
    Spawn([this] {
      thread_ = ::pthread_self();
      entered_ = true;
      while (!stopping()) {
        if (::ioctl(vcpu_.get(), KVM_RUN, 0) == 0 || errno == EINTR) {
          if (run_->exit_reason == KVM_EXIT_INTR || run_->exit_reason == KVM_EXIT_UNKNOWN) continue;
          error_ = EIO;  // it has nothing to ask for
          return;
        }
        error_ = errno;
        return;
      }
    });
    RealClock().SleepUntil(MonotonicNs() + 50 * kNanosPerMilli);
    if (const int error = error_; error != 0) {
      const uint32_t reason = run_->exit_reason;
      Stop();
      return PosixError(error, absl::StrCat("KVM_RUN of a boot sector ended with exit reason ", reason));
    }
    return absl::OkStatus();
  }

  void Stop() override {
    if (run_ != nullptr) {
      run_->immediate_exit = 1;
      if (entered_) {
        // A signal that comes before KVM_RUN does not interrupt it: immediate_exit does.
        ::pthread_kill(thread_, SIGUSR1);
      }
    }
    ThreadWorkload::Stop();
    Release();
  }

 private:
  static constexpr size_t kMemory = 0x10000;
  static constexpr uint64_t kStart = 0x7c00;

  absl::Status Create() {
    const auto failed = [](absl::string_view what) {
      const int error = errno;
      return PosixError(error, what);
    };
    kvm_ = UniqueFd(::open("/dev/kvm", O_RDWR | O_CLOEXEC));
    if (!kvm_.ok()) return failed("open /dev/kvm");
    vm_ = UniqueFd(::ioctl(kvm_.get(), KVM_CREATE_VM, 0));
    if (!vm_.ok()) return failed("KVM_CREATE_VM");
    ::ioctl(vm_.get(), KVM_SET_TSS_ADDR, 0xfffbd000);  // old Intel CPUs need it for real mode
    memory_ = ::mmap(nullptr, kMemory, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory_ == MAP_FAILED) return failed("mmap");
    memcpy(static_cast<char*>(memory_) + kStart, kLoop, sizeof kLoop);
    kvm_userspace_memory_region region{};
    region.memory_size = kMemory;
    region.userspace_addr = reinterpret_cast<uint64_t>(memory_);
    if (::ioctl(vm_.get(), KVM_SET_USER_MEMORY_REGION, &region) != 0) return failed("KVM_SET_USER_MEMORY_REGION");
    vcpu_ = UniqueFd(::ioctl(vm_.get(), KVM_CREATE_VCPU, 0));
    if (!vcpu_.ok()) return failed("KVM_CREATE_VCPU");
    run_bytes_ = static_cast<size_t>(::ioctl(kvm_.get(), KVM_GET_VCPU_MMAP_SIZE, 0));
    void* run = ::mmap(nullptr, run_bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu_.get(), 0);
    if (run == MAP_FAILED) return failed("map the vCPU");
    run_ = static_cast<kvm_run*>(run);
    kvm_sregs sregs;
    if (::ioctl(vcpu_.get(), KVM_GET_SREGS, &sregs) != 0) return failed("KVM_GET_SREGS");
    sregs.cs.base = 0;
    sregs.cs.selector = 0;
    if (::ioctl(vcpu_.get(), KVM_SET_SREGS, &sregs) != 0) return failed("KVM_SET_SREGS");
    kvm_regs regs{};
    regs.rip = kStart;
    regs.rflags = 2;
    if (::ioctl(vcpu_.get(), KVM_SET_REGS, &regs) != 0) return failed("KVM_SET_REGS");
    return absl::OkStatus();
  }

  void Release() {
    if (run_ != nullptr) ::munmap(run_, run_bytes_);
    run_ = nullptr;
    vcpu_ = UniqueFd();
    vm_ = UniqueFd();
    kvm_ = UniqueFd();
    if (memory_ != MAP_FAILED) ::munmap(memory_, kMemory);
    memory_ = MAP_FAILED;
  }

  UniqueFd kvm_;
  UniqueFd vm_;
  UniqueFd vcpu_;
  void* memory_ = MAP_FAILED;
  kvm_run* run_ = nullptr;
  size_t run_bytes_ = 0;
  std::atomic<bool> entered_ = false;
  std::atomic<int> error_ = 0;
  pthread_t thread_{};
};

class TcgVcpu : public Workload {
 public:
  ~TcgVcpu() override { TcgVcpu::Stop(); }
  absl::string_view name() const override { return "tcg-vcpu"; }

  absl::Status Start() override {
    char path[] = "/tmp/vrapl-boot-sector-XXXXXX";
    const UniqueFd file(::mkstemp(path));
    if (!file.ok()) {
      const int error = errno;
      return PosixError(error, "write a floppy image in /tmp");
    }
    image_ = path;
    unsigned char sector[512] = {};
    memcpy(sector, kLoop, sizeof kLoop);
    sector[510] = 0x55;
    sector[511] = 0xaa;
    constexpr off_t kFloppy = 1440 * 1024;
    if (::pwrite(file.get(), sector, sizeof sector, 0) != sizeof sector || ::ftruncate(file.get(), kFloppy) != 0) {
      Stop();
      return absl::UnavailableError("write a floppy image in /tmp");
    }
    const std::string drive = absl::StrCat("file=", image_, ",format=raw,if=floppy");
    const char* const words[] = {"qemu-system-x86_64", "-accel", "tcg", "-machine", "pc", "-m", "16", "-nodefaults",
                                 "-no-user-config", "-display", "none", "-boot", "a", "-drive", drive.c_str(), nullptr};
    posix_spawn_file_actions_t quiet;
    ::posix_spawn_file_actions_init(&quiet);
    ::posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", O_WRONLY, 0);
    ::posix_spawn_file_actions_addopen(&quiet, 2, "/dev/null", O_WRONLY, 0);
    const int error = ::posix_spawnp(&qemu_, words[0], &quiet, nullptr, const_cast<char* const*>(words), environ);
    ::posix_spawn_file_actions_destroy(&quiet);
    if (error != 0) {
      qemu_ = -1;
      Stop();
      return PosixError(error, "start qemu-system-x86_64");
    }
    RealClock().SleepUntil(MonotonicNs() + 300 * kNanosPerMilli);
    if (::waitpid(qemu_, nullptr, WNOHANG) == qemu_) {
      qemu_ = -1;
      Stop();
      return absl::UnavailableError("qemu-system-x86_64 -accel tcg ended at once");
    }
    return absl::OkStatus();
  }

  void Stop() override {
    if (qemu_ > 0) {
      ::kill(qemu_, SIGKILL);
      ::waitpid(qemu_, nullptr, 0);
      qemu_ = -1;
    }
    if (!image_.empty()) ::unlink(image_.c_str());
    image_.clear();
  }

 private:
  pid_t qemu_ = -1;
  std::string image_;
};

}  // namespace

std::vector<std::unique_ptr<Workload>> VmWorkloads() { return MakeEach<KvmVcpu, TcgVcpu>(); }

}  // namespace vrapl
