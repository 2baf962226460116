// A VM under the real KVM: a boot sector that halts until the next tick of a fast timer. No kernel, so it runs where no
// Linux guest boots under KVM.
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <iostream>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/time/clock.h"
#include "base/host_root.h"
#include "sampler/row_table.h"
#include "tests/requirements.h"
#include "tests/vm/fake_proc.h"
#include "vm/halt_polling.h"
#include "vm/qemu_process.h"

namespace vrapl {
namespace {

// The timer at 10 kHz, more often than KVM gives up polling; then halt for ever. Begins in real mode, with the BIOS's
// handler for the timer.
constexpr unsigned char kHaltsOften[] = {
    0xFA,                    // cli
    0xB0, 0x34, 0xE6, 0x43,  // mov al, 0x34; out 0x43, al    channel 0, mode 2
    0xB0, 119,  0xE6, 0x40,  // mov al, 119;  out 0x40, al    1193182 Hz / 119
    0xB0, 0,    0xE6, 0x40,  // mov al, 0;    out 0x40, al
    0xFB,                    // sti
    0xF4,                    // hlt
    0xEB, 0xFD,              // jmp to the hlt
};

class KvmGuestTest : public testing::Test {
 protected:
  void SetUp() override {
    VRAPL_NEEDS("kernel");
    if (::access("/dev/kvm", R_OK | W_OK) != 0) GTEST_SKIP() << "no /dev/kvm";
    std::string image(1'474'560, '\0');
    image.replace(0, sizeof kHaltsOften, reinterpret_cast<const char*>(kHaltsOften), sizeof kHaltsOften);
    image[510] = '\x55';
    image[511] = '\xAA';
    WriteFile(dir_.path() + "/boot.img", image);
    const std::string drive = "if=floppy,format=raw,file=" + dir_.path() + "/boot.img";
    pid_ = ::fork();
    if (pid_ == 0) {
      ::execlp("qemu-system-x86_64", "qemu-system-x86_64", "-accel", "kvm", "-machine", "pc", "-m", "16", "-nodefaults",
               "-no-user-config", "-display", "none", "-name", "guest=halts,debug-threads=on", "-drive", drive.c_str(),
               nullptr);
      ::_exit(127);
    }
    ASSERT_GT(pid_, 0);
    for (int tries = 0; tries < 100 && TidNamed("CPU 0/KVM") == 0; ++tries) {
      int status = 0;
      if (::waitpid(pid_, &status, WNOHANG) == pid_) {
        pid_ = 0;
        GTEST_SKIP() << "QEMU does not run under KVM here (status " << status << ")";
      }
      absl::SleepFor(absl::Milliseconds(50));
    }
    ASSERT_GT(TidNamed("CPU 0/KVM"), 0) << "no vCPU within 5 s";
    absl::SleepFor(absl::Milliseconds(500));  // its other threads, as far as this kernel makes them
  }
  void TearDown() override {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }

  std::map<pid_t, std::string> Threads() const {
    std::map<pid_t, std::string> threads;
    const std::string tasks = absl::StrCat("/proc/", pid_, "/task");
    const std::vector<std::string> tids = ListDirectory(tasks).value_or(std::vector<std::string>{});
    for (const std::string& name : tids) {
      pid_t tid = 0;
      if (absl::SimpleAtoi(name, &tid)) threads[tid] = ReadSmallFile(tasks + "/" + name + "/comm").value_or("");
    }
    return threads;
  }
  pid_t TidNamed(const std::string& comm) const {
    for (const auto& [tid, name] : Threads()) {
      if (name == comm) return tid;
    }
    return 0;
  }

  // Waits for it: KVM makes its threads as QEMU sets up the machine.
  static pid_t KernelThreadNamed(const std::string& comm) {
    for (int tries = 0; tries < 100; ++tries, absl::SleepFor(absl::Milliseconds(50))) {
      const std::vector<std::string> processes = ListDirectory("/proc").value_or(std::vector<std::string>{});
      for (const std::string& name : processes) {
        pid_t pid = 0;
        if (absl::SimpleAtoi(name, &pid) && ReadSmallFile("/proc/" + name + "/comm").value_or("") == comm) return pid;
      }
    }
    return 0;
  }

  TempDir dir_;
  pid_t pid_ = 0;
};

// Threads inside QEMU's process and kernel threads beside it, as this kernel makes them.
TEST_F(KvmGuestTest, EveryThreadOfTheVmIsItsOwn) {
  RowTable rows(::getpid(), {}, ThreadFactsFromProc());
  rows.UpdateVms({{.uuid = "u",
                   .name = "halts",
                   .pid = pid_,
                   .start_time = *ReadStartTime("/proc", pid_),
                   .vcpus = {{.index = 0, .tid = TidNamed("CPU 0/KVM")}},
                   .ports = {}}});
  const auto row_of = [&rows](pid_t tgid, pid_t tid, uint32_t flags) {
    return rows.row(
        rows.RowOf({.tid = static_cast<uint32_t>(tid), .tgid = static_cast<uint32_t>(tgid), .task_flags = flags}));
  };
  std::set<std::string> parts;
  for (const auto& [tid, comm] : Threads()) {
    const RowInfo& row = row_of(pid_, tid, 0);
    EXPECT_EQ(row.kind, RowKind::kVm) << comm;
    std::cout << "    thread " << comm << ": " << row.part << "\n";
    if (absl::StartsWith(comm, "kvm-nx-lpage-re")) {
      EXPECT_EQ(row.part, "kvm");
    }
    parts.insert(row.part);
  }
  EXPECT_TRUE(parts.count("vcpu0") == 1 && parts.count("emulator") == 1);

  const pid_t pit = KernelThreadNamed(absl::StrCat("kvm-pit/", pid_));
  if (pit == 0) GTEST_SKIP() << "KVM's timer has no thread on this kernel";
  const RowInfo row = row_of(pit, pit, kTaskKernelThread);
  EXPECT_EQ(row.kind, RowKind::kVm);
  EXPECT_EQ(row.part, "kvm");
}

// What KVM polled is part of what the vCPU's thread ran.
TEST_F(KvmGuestTest, HaltPollingIsPartOfTheVcpusRunTime) {
  std::string debugfs = "/sys/kernel/debug";
  if (!ListDirectory(debugfs + "/kvm").ok()) {
    // In a mount namespace of our own: nobody else sees it.
    debugfs = dir_.path() + "/debug";
    std::filesystem::create_directory(debugfs);
    if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("debugfs", debugfs.c_str(), "debugfs", 0, nullptr) != 0) {
      const int error = errno;
      GTEST_SKIP() << "debugfs cannot be mounted: errno " << error;
    }
  }
  const auto unmount = [&] {
    if (debugfs != "/sys/kernel/debug") ::umount2(debugfs.c_str(), MNT_DETACH);
  };
  HaltPolling polling(debugfs + "/kvm");
  const auto run_ns = [this] {
    int64_t ns = 0;
    std::ifstream(absl::StrCat("/proc/", pid_, "/task/", TidNamed("CPU 0/KVM"), "/schedstat")) >> ns;
    return ns;
  };
  polling.Look();
  const std::optional<int64_t> before_ns = polling.TotalNs(pid_);
  if (!before_ns) {
    unmount();
    GTEST_SKIP() << "the kernel does not tell (lockdown, or Linux before 5.8)";
  }
  const int64_t run_before_ns = run_ns();
  const absl::Time begin = absl::Now();
  absl::SleepFor(absl::Seconds(2));
  polling.Look();
  const int64_t wall_ns = absl::ToInt64Nanoseconds(absl::Now() - begin);
  const int64_t polled_ns = polling.TotalNs(pid_).value_or(0) - *before_ns;
  const int64_t ran_ns = run_ns() - run_before_ns;
  unmount();
  std::cout << "    polled " << polled_ns << " ns of " << ran_ns << " ns run time in " << wall_ns << " ns\n";
  EXPECT_GT(polled_ns, 0);
  EXPECT_LE(polled_ns, wall_ns);
  EXPECT_LE(polled_ns, ran_ns + 20'000'000) << "schedstat is up to date to a tick, at both ends";
}

}  // namespace
}  // namespace vrapl
