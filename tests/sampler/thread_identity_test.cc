// Whose a thread is, on hosts where numbers are used again, names come late and helpers share a VM's cgroup.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "sampler/row_table.h"

namespace vrapl {
namespace {

constexpr int64_t kTickNs = 10 * kNanosPerMilli;

// A host of processes and threads as a test says.
class HostOfThreads : public testing::Test {
 protected:
  static Vm MadeVm(const std::string& name, pid_t pid, uint64_t start_ticks) {
    return {.uuid = "uuid-" + name,
            .name = name,
            .pid = pid,
            .start_time = start_ticks,
            .vcpus = {{.index = 0, .tid = pid + 1}},
            .ports = {}};
  }
  static ThreadRun Thread(pid_t tgid, pid_t tid, int64_t start_ns, uint32_t flags = 0) {
    return {.tid = static_cast<uint32_t>(tid),
            .tgid = static_cast<uint32_t>(tgid),
            .task_flags = flags,
            .start_ns = static_cast<uint64_t>(start_ns)};
  }
  ThreadFacts Facts() {
    return {.name =
                [this](uint32_t, uint32_t tid) {
                  ++name_lookups_;
                  const auto name = names_.find(static_cast<pid_t>(tid));
                  return name == names_.end() ? std::string() : name->second;
                },
            .process_start = [this](pid_t pid) -> std::optional<uint64_t> {
              const auto start = starts_.find(pid);
              return start == starts_.end() ? std::nullopt : std::optional<uint64_t>(start->second);
            },
            .cgroup =
                [this](pid_t pid) {
                  ++cgroup_lookups_;
                  const auto cgroup = cgroups_.find(pid);
                  return cgroup == cgroups_.end() ? std::string() : absl::StrCat("0::", cgroup->second, "\n");
                },
            .boottime_ns = [this] { return now_ns_; },
            .boottime_offset_ns = offset_ns_};
  }
  std::string PartOf(const ThreadRun& thread) { return rows_.row(rows_.RowOf(thread)).part; }
  std::string Owner(const ThreadRun& thread) {
    const RowInfo& row = rows_.row(rows_.RowOf(thread));
    return row.kind == RowKind::kVm ? rows_.vm(row.vm).run.name : std::string(RowKindName(row.kind));
  }

  std::map<pid_t, std::string> names_;
  std::map<pid_t, uint64_t> starts_;
  std::map<pid_t, std::string> cgroups_;
  int64_t now_ns_ = 1000 * kNanosPerSecond;
  int64_t offset_ns_ = 0;
  int name_lookups_ = 0;
  int cgroup_lookups_ = 0;
  RowTable rows_{100, {200}, Facts()};
};

TEST_F(HostOfThreads, ANumberUsedAgainInTheSameProcessIsANewThread) {
  names_ = {{1001, "CPU 1/KVM"}};
  rows_.UpdateVms({MadeVm("web", 1000, 10'000)});
  const ThreadRun vcpu = Thread(1000, 1001, 101 * kNanosPerSecond);
  EXPECT_EQ(PartOf(vcpu), "vcpu1");
  names_[1001] = "worker";  // the vCPU is unplugged
  const ThreadRun worker = Thread(1000, 1001, 900 * kNanosPerSecond);
  EXPECT_EQ(PartOf(worker), "worker") << "before any news of the VMs";
  EXPECT_EQ(PartOf(vcpu), "vcpu1") << "what is still on the way of the old one";
}

TEST_F(HostOfThreads, ANewProcessWithTheNumberOfAVmIsNotCharged) {
  names_ = {{1000, "qemu-system-x86"}, {1001, "CPU 0/KVM"}};
  starts_ = {{1000, 10'000}};
  rows_.UpdateVms({MadeVm("web", 1000, 10'000)});
  const ThreadRun first = Thread(1000, 1000, 10'000 * kTickNs + 123);
  const ThreadRun vcpu = Thread(1000, 1001, 10'005 * kTickNs);
  EXPECT_EQ(Owner(first), "web");
  EXPECT_EQ(Owner(vcpu), "web");
  // It has ended, and before anybody tells us somebody else has its number.
  starts_ = {{1000, 50'000}};
  names_ = {{1000, "make"}, {1001, "CPU 0/KVM"}};
  EXPECT_EQ(Owner(Thread(1000, 1000, 50'000 * kTickNs + 5)), "other");
  EXPECT_EQ(Owner(Thread(1000, 1001, 50'001 * kTickNs)), "other") << "whatever its name is";
  EXPECT_EQ(Owner(vcpu), "web") << "what is still on the way of the VM";
  EXPECT_EQ(Owner(first), "web");
}

TEST_F(HostOfThreads, AThreadOfANewProcessIsToldByItsProcess) {
  names_ = {{1001, "CPU 0/KVM"}};
  starts_ = {{1000, 50'000}};  // not the VM's any more
  rows_.UpdateVms({MadeVm("web", 1000, 10'000)});
  EXPECT_EQ(Owner(Thread(1000, 1001, 50'001 * kTickNs)), "other") << "its first thread has not been seen";
  starts_.clear();
  EXPECT_EQ(Owner(Thread(1000, 1002, 50'002 * kTickNs)), "other") << "the process has ended too, but it is known";
  EXPECT_EQ(Owner(Thread(1000, 1003, 10'001 * kTickNs)), "web");
}

TEST_F(HostOfThreads, AVmThatGetsTheNumberOfAnotherIsCharged) {
  names_ = {{1000, "qemu-system-x86"}, {1001, "CPU 0/KVM"}};
  starts_ = {{1000, 10'000}};
  rows_.UpdateVms({MadeVm("old", 1000, 10'000)});
  const ThreadRun old_vcpu = Thread(1000, 1001, 10'001 * kTickNs);
  EXPECT_EQ(Owner(old_vcpu), "old");
  starts_ = {{1000, 50'000}};
  const ThreadRun new_vcpu = Thread(1000, 1001, 50'001 * kTickNs);
  EXPECT_EQ(Owner(new_vcpu), "other") << "not listed yet";
  rows_.UpdateVms({MadeVm("new", 1000, 50'000)});
  EXPECT_EQ(Owner(new_vcpu), "new");
  EXPECT_EQ(Owner(Thread(1000, 1000, 50'000 * kTickNs)), "new");
  EXPECT_EQ(Owner(old_vcpu), "old");
  rows_.Retire(0);
  EXPECT_EQ(Owner(new_vcpu), "new");
  EXPECT_NE(Owner(old_vcpu), "new");
}

// The start of a process is told in clock ticks, cut off.
TEST_F(HostOfThreads, StartsAgreeToTheClockTick) {
  names_ = {{1000, "qemu-system-x86"}};
  rows_.UpdateVms({MadeVm("web", 1000, 10'000)});
  EXPECT_EQ(Owner(Thread(1000, 1000, 10'000 * kTickNs)), "web");
  EXPECT_EQ(Owner(Thread(1000, 1000, 10'001 * kTickNs - 1)), "web");
  EXPECT_EQ(Owner(Thread(1000, 1000, 10'000 * kTickNs - 1)), "other");
  EXPECT_EQ(Owner(Thread(1000, 1000, 10'001 * kTickNs)), "other");
}

TEST_F(HostOfThreads, WithoutItsStartAThreadIsKnownByItsNumbers) {
  names_ = {{1000, "qemu-system-x86"}, {1001, "CPU 0/KVM"}};
  rows_.UpdateVms({MadeVm("web", 1000, 10'000)});
  EXPECT_EQ(Owner(Thread(1000, 1000, 0)), "web");
  EXPECT_EQ(PartOf(Thread(1000, 1001, 0)), "vcpu0");
}

// /proc tells us starts in our own time namespace, run time in the host's.
TEST_F(HostOfThreads, ATimeNamespaceShiftsWhatProcTells) {
  constexpr uint64_t kStart = 10'000;
  constexpr int64_t kShiftNs = 7 * 86'400 * kNanosPerSecond + 4'000'000;
  names_ = {{1000, "qemu-system-x86"}, {1001, "CPU 0/KVM"}};
  offset_ns_ = kShiftNs;
  const int64_t start_ns = kStart * kTickNs + 7'000'000;
  const uint64_t as_read = static_cast<uint64_t>((start_ns + kShiftNs) / kTickNs);
  starts_ = {{1000, as_read}};
  RowTable shifted(100, {}, Facts());
  shifted.UpdateVms({MadeVm("web", 1000, as_read)});
  const auto kind = [&](const ThreadRun& thread) { return shifted.row(shifted.RowOf(thread)).kind; };
  EXPECT_EQ(kind(Thread(1000, 1000, start_ns)), RowKind::kVm);
  EXPECT_EQ(kind(Thread(1000, 1001, start_ns + kTickNs)), RowKind::kVm);
  EXPECT_EQ(kind(Thread(1000, 1000, start_ns + kTickNs)), RowKind::kOther) << "another process";
}

TEST_F(HostOfThreads, ANameThatComesLateIsSeen) {
  rows_.UpdateVms({MadeVm("web", 1000, 10'000)});
  const ThreadRun vcpu = Thread(1000, 1005, now_ns_);
  names_[1005] = "qemu-system-x86";  // QEMU starts a thread and then names it
  EXPECT_EQ(PartOf(vcpu), "emulator");
  now_ns_ += 3 * kNanosPerMilli;
  names_[1005] = "CPU 4/KVM";
  EXPECT_EQ(PartOf(vcpu), "vcpu4");
}

TEST_F(HostOfThreads, AThreadIsInTheWrongPartNoLongerThanItWasWithoutItsName) {
  rows_.UpdateVms({MadeVm("web", 1000, 10'000)});
  for (const int64_t named_after_ms : {2, 20, 100, 400, 900}) {
    const int64_t start_ns = now_ns_;
    const ThreadRun vcpu = Thread(1000, 1005, start_ns);
    names_[1005] = "qemu-system-x86";
    int64_t seen_after_ms = 0;
    for (int64_t ms = 0; ms <= 2000 && seen_after_ms == 0; ++ms) {
      if (ms == named_after_ms) names_[1005] = "CPU 4/KVM";
      now_ns_ = start_ns + ms * kNanosPerMilli;
      if (PartOf(vcpu) == "vcpu4") seen_after_ms = ms;
    }
    EXPECT_GE(seen_after_ms, named_after_ms);
    EXPECT_LE(seen_after_ms, std::min<int64_t>(2 * named_after_ms, 1000));
    now_ns_ += kNanosPerSecond;
  }
}

TEST_F(HostOfThreads, LookingAgainEndsAfterASecond) {
  rows_.UpdateVms({MadeVm("web", 1000, 10'000)});
  names_[1005] = "qemu-system-x86";
  const ThreadRun thread = Thread(1000, 1005, now_ns_);
  for (int ms = 0; ms < 1000; ++ms, now_ns_ += kNanosPerMilli) PartOf(thread);
  EXPECT_LE(name_lookups_, 14) << "not at every sample";
  PartOf(thread);
  const int lookups = name_lookups_;
  for (int ms = 0; ms < 10'000; ++ms, now_ns_ += kNanosPerMilli) PartOf(thread);
  EXPECT_EQ(name_lookups_, lookups);
}

TEST_F(HostOfThreads, AThreadThatIsGoneKeepsItsRow) {
  cgroups_ = {{1000, "/machine/qemu-1-web.libvirt-qemu/emulator"}, {3000, "/machine/qemu-1-web.libvirt-qemu"}};
  names_ = {{1001, "CPU 0/KVM"}, {51, "vhost-1000"}};
  rows_.UpdateVms({MadeVm("web", 1000, 10'000)});
  const ThreadRun vcpu = Thread(1000, 1001, 10'001 * kTickNs);
  const ThreadRun helper = Thread(3000, 3000, 9'000 * kTickNs);
  const ThreadRun vhost = Thread(51, 51, 10'002 * kTickNs, kTaskKernelThread);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(PartOf(vcpu), "vcpu0");
    EXPECT_EQ(PartOf(helper), "helper");
    EXPECT_EQ(PartOf(vhost), "vhost");
    // The VM is pulled out: its last samples come after the news.
    names_.clear();
    cgroups_.clear();
    rows_.UpdateVms({});
  }
}

// ------------------------------------------------------------------------------------------------------- helpers

TEST_F(HostOfThreads, WhoSharesAVmsCgroupHelpsIt) {
  cgroups_ = {{1000, "/machine.slice/machine-qemu\\x2d1\\x2dweb.scope/libvirt/emulator"},
              {2000, "/machine.slice/machine-qemu\\x2d2\\x2dweb2.scope/libvirt/emulator"},
              {900, "/machine.slice/machine-qemu\\x2d1\\x2dweb.scope/libvirt"},
              {901, "/machine.slice/machine-qemu\\x2d2\\x2dweb2.scope/libvirt"},
              {902, "/machine.slice/machine-qemu\\x2d3\\x2dweb3.scope/libvirt"},
              {903, "/system.slice/libvirtd.service"}};
  names_ = {{1000, "qemu-system-x86"}, {2000, "qemu-system-x86"}};
  rows_.UpdateVms({MadeVm("web", 1000, 10'000), MadeVm("web2", 2000, 20'000)});
  const ThreadRun virtiofsd = Thread(900, 905, 9'000 * kTickNs);
  EXPECT_EQ(Owner(virtiofsd), "web");
  EXPECT_EQ(PartOf(virtiofsd), "helper");
  EXPECT_EQ(Owner(Thread(900, 900, 8'000 * kTickNs)), "web") << "it was started before QEMU";
  EXPECT_EQ(Owner(Thread(901, 901, 9'000 * kTickNs)), "web2");
  EXPECT_EQ(Owner(Thread(902, 902, 9'000 * kTickNs)), "other") << "of a VM that nobody has listed";
  EXPECT_EQ(Owner(Thread(903, 903, 9'000 * kTickNs)), "other");
  EXPECT_EQ(Owner(Thread(100, 100, 9'000 * kTickNs)), "vrapl") << "wherever we are";
  EXPECT_EQ(PartOf(Thread(1000, 1000, 10'000 * kTickNs)), "emulator") << "QEMU helps nobody";
}

TEST_F(HostOfThreads, QemuInASessionClaimsNobody) {
  const std::string session = "/user.slice/user-1000.slice/session-3.scope";
  cgroups_ = {{1000, session}, {900, session}};
  rows_.UpdateVms({MadeVm("web", 1000, 10'000)});
  cgroup_lookups_ = 0;
  EXPECT_EQ(Owner(Thread(900, 900, 9'000 * kTickNs)), "other");
  EXPECT_EQ(cgroup_lookups_, 0) << "without a VM's cgroup nobody is asked for theirs";
}

TEST_F(HostOfThreads, AProcessIsAskedForItsCgroupOnce) {
  cgroups_ = {{1000, "/qemu.slice/100.scope"}, {900, "/qemu.slice/100.scope"}, {901, "/system.slice/sshd.service"}};
  rows_.UpdateVms({MadeVm("web", 1000, 10'000)});
  cgroup_lookups_ = 0;
  for (int i = 0; i < 100; ++i) {
    for (pid_t tid = 5000; tid < 5064; ++tid) {
      EXPECT_EQ(Owner(Thread(900, tid, 9'000 * kTickNs)), "web");
      EXPECT_EQ(Owner(Thread(901, tid, 9'000 * kTickNs)), "other");
    }
  }
  EXPECT_EQ(cgroup_lookups_, 2);
}

// libvirt starts a helper and then puts it into the VM's cgroup.
TEST_F(HostOfThreads, AHelperThatIsPutIntoTheCgroupLateIsSeen) {
  cgroups_ = {{1000, "/qemu.slice/100.scope"}, {900, "/system.slice/libvirtd.service"}};
  rows_.UpdateVms({MadeVm("web", 1000, 10'000)});
  const ThreadRun helper = Thread(900, 900, now_ns_ - kNanosPerMilli);
  EXPECT_EQ(Owner(helper), "other");
  cgroups_[900] = "/qemu.slice/100.scope";
  now_ns_ += kNanosPerSecond;
  EXPECT_EQ(Owner(helper), "web");
  // Later than that, the next list of VMs brings it.
  const ThreadRun late = Thread(901, 901, 9'000 * kTickNs);
  cgroups_[901] = "/system.slice/libvirtd.service";
  EXPECT_EQ(Owner(late), "other");
  cgroups_[901] = "/qemu.slice/100.scope";
  EXPECT_EQ(Owner(late), "other");
  rows_.UpdateVms({MadeVm("web", 1000, 10'000)});
  EXPECT_EQ(Owner(late), "web");
}

TEST_F(HostOfThreads, WhatWasSeenOfAProcessIsNotHeldAgainstItsSuccessor) {
  cgroups_ = {{1000, "/qemu.slice/100.scope"}, {900, "/qemu.slice/100.scope"}};
  rows_.UpdateVms({MadeVm("web", 1000, 10'000)});
  EXPECT_EQ(Owner(Thread(900, 900, 9'000 * kTickNs)), "web");
  now_ns_ += kNanosPerSecond;
  cgroups_[900] = "/system.slice/sshd.service";
  EXPECT_EQ(Owner(Thread(900, 900, now_ns_)), "other");
}

TEST_F(HostOfThreads, ACgroupThatIsUsedAgainIsTheRunningVms) {
  cgroups_ = {{1000, "/qemu.slice/100.scope"}, {2000, "/qemu.slice/100.scope"}, {900, "/qemu.slice/100.scope"}};
  rows_.UpdateVms({MadeVm("first", 1000, 10'000)});
  rows_.UpdateVms({MadeVm("second", 2000, 50'000)});
  EXPECT_EQ(Owner(Thread(900, 900, 50'001 * kTickNs)), "second");
}

// ------------------------------------------------------------------------------------------------- kernel threads

TEST_F(HostOfThreads, TheKernelsThreadsForAVmAreItsOwn) {
  names_ = {{51, "vhost-1000"}, {52, "kvm-pit/1000"}, {53, "kvm-nx-lpage-recovery-1000"}, {54, "kvm-nx-lpage-re"}};
  rows_.UpdateVms({MadeVm("web", 1000, 10'000)});
  const auto kernel = [](pid_t tid, int64_t start_ns) { return Thread(tid, tid, start_ns, kTaskKernelThread); };
  EXPECT_EQ(PartOf(kernel(51, 10'001 * kTickNs)), "vhost");
  EXPECT_EQ(PartOf(kernel(52, 10'001 * kTickNs)), "kvm");
  EXPECT_EQ(PartOf(kernel(53, 10'001 * kTickNs)), "kvm");
  EXPECT_EQ(Owner(kernel(54, 10'001 * kTickNs)), "kernel") << "the name is cut off and there is no cgroup";
  EXPECT_EQ(Owner(kernel(51, 9'000 * kTickNs)), "kernel") << "older than the VM: of a process that had its number";
}

TEST_F(HostOfThreads, AKernelThreadWithoutTheOwnerInItsNameIsToldByItsCgroup) {
  names_ = {{54, "kvm-nx-lpage-re"}, {55, "vhost-1003"}, {56, "kworker/1:1"}};
  cgroups_ = {{1000, "/machine/qemu-1-web.libvirt-qemu/emulator"}};
  for (const pid_t tid : {54, 55, 56}) cgroups_[tid] = "/machine/qemu-1-web.libvirt-qemu/emulator";
  rows_.UpdateVms({MadeVm("web", 1000, 10'000)});
  const auto kernel = [](pid_t tid) { return Thread(tid, tid, 10'001 * kTickNs, kTaskKernelThread); };
  EXPECT_EQ(PartOf(kernel(54)), "kvm");
  EXPECT_EQ(PartOf(kernel(55)), "vhost") << "named after the thread of QEMU that asked for it";
  EXPECT_EQ(Owner(kernel(56)), "kernel") << "works for everybody";
}

// ----------------------------------------------------------------------------------------------------- properties

// Processes come and go on a host with few numbers; some are VMs, which are listed late, and late no more. Whatever
// happens, a thread is its own VM's or no VM's, and stays the VM's until the VM is retired.
TEST_F(HostOfThreads, AThreadNeverChangesItsOwner) {
  struct Process {
    pid_t pid;
    uint64_t start_ticks;
    bool is_vm;
    bool alive;
    std::vector<ThreadRun> threads;
  };
  int charged = 0;
  int used_again = 0;
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    std::mt19937 random(seed);
    const auto one_in = [&random](uint32_t n) { return random() % n == 0; };
    names_.clear(), starts_.clear();
    now_ns_ = 1000 * kNanosPerSecond;
    RowTable rows(100, {}, Facts());
    std::vector<Process> processes;
    std::map<std::pair<uint32_t, uint64_t>, std::string> owners;  // of threads that were charged to a VM
    std::set<std::string> retired;
    const auto name_of = [](const Process& process) { return absl::StrCat(process.pid, "@", process.start_ticks); };
    const auto look = [&](const Process& process, const ThreadRun& thread) {
      const RowInfo& row = rows.row(rows.RowOf(thread));
      const std::string owner = row.kind == RowKind::kVm ? rows.vm(row.vm).run.name : "";
      if (row.kind == RowKind::kVm) {
        ASSERT_TRUE(process.is_vm) << "seed " << seed;
        ASSERT_EQ(owner, name_of(process)) << "seed " << seed;
        ++charged;
      }
      std::string& before = owners[{thread.tid, thread.start_ns}];
      if (!before.empty() && retired.count(before) == 0) {
        ASSERT_EQ(owner, before) << "seed " << seed;
      }
      if (!owner.empty()) before = owner;
      // A VM that is listed gets what its threads run.
      for (int vm = 0; vm < rows.vm_count(); ++vm) {
        if (rows.vm(vm).used && rows.vm(vm).run.name == name_of(process)) {
          ASSERT_EQ(owner, name_of(process)) << "seed " << seed;
        }
      }
    };
    for (int step = 0; step < 3000; ++step) {
      now_ns_ += static_cast<int64_t>(random() % 40 + 10) * kNanosPerMilli;
      const pid_t pid = 1000 + 10 * static_cast<pid_t>(random() % 8);
      const auto living =
          std::find_if(processes.begin(), processes.end(), [&](const Process& p) { return p.alive && p.pid == pid; });
      if (living == processes.end() && one_in(2)) {
        if (starts_.erase(pid) + names_.erase(pid) > 0) ++used_again;
        starts_[pid] = static_cast<uint64_t>(now_ns_ / kTickNs);
        names_[pid] = "qemu-system-x86";
        processes.push_back({.pid = pid,
                             .start_ticks = starts_[pid],
                             .is_vm = one_in(2),
                             .alive = true,
                             .threads = {Thread(pid, pid, now_ns_)}});
        look(processes.back(), processes.back().threads[0]);
      } else if (living != processes.end() && one_in(6)) {
        living->alive = false;
        if (one_in(2)) starts_.erase(pid);
      } else if (living != processes.end()) {
        const pid_t tid = pid + 1 + static_cast<pid_t>(random() % 3);
        names_[tid] = one_in(2) ? "CPU 0/KVM" : "worker";
        living->threads.push_back(Thread(pid, tid, now_ns_));
      }
      if (one_in(8)) {
        std::vector<Vm> vms;
        for (const Process& process : processes) {
          if (process.is_vm && process.alive) vms.push_back(MadeVm(name_of(process), process.pid, process.start_ticks));
        }
        rows.UpdateVms(vms);
        ASSERT_TRUE(!testing::Test::HasFatalFailure());
      }
      if (one_in(20)) {
        for (int vm = 0; vm < rows.vm_count(); ++vm) {
          if (!rows.vm(vm).used || rows.vm(vm).running) continue;
          retired.insert(rows.vm(vm).run.name);
          rows.Retire(vm);
        }
        std::erase_if(processes, [&](const Process& process) {
          return !process.alive && process.start_ticks + 1000 < static_cast<uint64_t>(now_ns_ / kTickNs);
        });
      }
      for (const Process& process : processes) {
        if (!process.alive && !one_in(3)) continue;  // of the dead, what is still on the way
        for (const ThreadRun& thread : process.threads) {
          if (one_in(4)) look(process, thread);
          if (testing::Test::HasFatalFailure()) return;
        }
      }
    }
  }
  EXPECT_GT(charged, 100'000);
  EXPECT_GT(used_again, 100);
}

}  // namespace
}  // namespace vrapl
