#include "vm/qemu_process.h"

#include "tests/status_matchers.h"
#include "tests/vm/fake_proc.h"
#include "vm/proc_inventory.h"

namespace vrapl {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kUuid[] = "6695eb01-f6a4-8304-79aa-97f2502e193f";
constexpr char kQemu[] = "/usr/bin/qemu-system-x86_64";

TEST(QemuProcessTest, VmNameOfOption) {
  EXPECT_EQ(VmNameOfOption("web"), "web");
  EXPECT_EQ(VmNameOfOption("guest=web,debug-threads=on"), "web");
  EXPECT_EQ(VmNameOfOption("debug-threads=on,guest=web"), "web");
  EXPECT_EQ(VmNameOfOption("guest=a,,b,debug-threads=on"), "a,b");
  EXPECT_EQ(VmNameOfOption("guest=a,,,,guest=b"), "a,,guest=b");
  EXPECT_EQ(VmNameOfOption("web,process=qemu-web"), "web");
  EXPECT_EQ(VmNameOfOption("debug-threads=on"), "");
  EXPECT_EQ(VmNameOfOption(""), "");
}

TEST(QemuProcessTest, KnowsQemuByItsProgram) {
  for (const char* path : {"/usr/bin/qemu-system-x86_64", "/usr/libexec/qemu-kvm", "kvm", "qemu-system-i386"}) {
    EXPECT_TRUE(IsQemuProgram(path)) << path;
  }
  for (const char* path : {"/usr/bin/qemu-img", "/usr/sbin/libvirtd", "/opt/qemu-system-x86_64/bash", "kvmtool", ""}) {
    EXPECT_FALSE(IsQemuProgram(path)) << path;
  }
}

TEST(QemuProcessTest, StartTimeIsField22WhateverTheCommandIsCalled) {
  const std::string fields = " S 1 2 3 0 -1 4194560 5 6 7 8 9 10 11 12 20 0 8 0 4242 999999";
  EXPECT_THAT(ParseStartTime("7 (qemu)" + fields), IsOkAndHolds(4242u));
  EXPECT_THAT(ParseStartTime("7 (a) b (c) R 1 2)" + fields), IsOkAndHolds(4242u));
  EXPECT_THAT(ParseStartTime("7 (qemu) S 1 2"), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(ParseStartTime(""), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(QemuProcessTest, ReadsTheRealStartTime) {
  EXPECT_THAT(ReadStartTime("/proc", ::getpid()), IsOk());
  EXPECT_FALSE(ReadQemuProcess("/proc", ::getpid()).has_value());  // this test is no QEMU
}

TEST(ProcInventoryTest, FindsVmsAndNothingElse) {
  FakeProc proc;
  proc.AddProcess(100, {kQemu, "-name", "guest=web,,1,debug-threads=on", "-S", "-uuid", kUuid}, kQemu, 5555);
  proc.AddThread(100, 101, "CPU 0/KVM");
  proc.AddThread(100, 102, "CPU 1/KVM");
  proc.AddThread(100, 103, "IO mon_iothread");
  proc.AddProcess(200, {"kvm", "--name", "db"}, "/usr/bin/qemu-system-x86_64 (deleted)");  // upgraded meanwhile
  proc.AddThread(200, 201, "ALL CPUs/TCG");
  proc.AddProcess(300, {kQemu, "-S", "-no-user-config", "-machine", "none,accel=kvm:tcg", "-daemonize"}, kQemu);
  proc.AddProcess(400, {"/usr/bin/vim", "-name", "x", "-uuid", kUuid}, "/usr/bin/vim");
  proc.AddProcess(500, {}, "");                      // a kernel thread
  proc.AddProcess(600, {"qemu-system-x86_64"}, "");  // of a user whose exe we may not see
  WriteFile(proc.root() + "/uptime", "1 1\n");

  ProcInventory inventory(proc.root());
  const Vm web{.uuid = kUuid, .name = "web,1", .pid = 100, .start_time = 5555, .vcpus = {{0, 101}, {1, 102}}};
  const Vm db{.uuid = "", .name = "db", .pid = 200, .start_time = 1000, .vcpus = {{0, 201}}};
  const Vm nameless{.uuid = "", .name = "pid-600", .pid = 600, .start_time = 1000};
  EXPECT_THAT(inventory.List(), IsOkAndHolds(ElementsAre(db, nameless, web)));
  EXPECT_THAT(inventory.problems(), ElementsAre(AllOf(HasSubstr("pid-600"), HasSubstr("debug-threads=on"))));
}

TEST(ProcInventoryTest, AMissingProcIsAnErrorAndNoVmIsNot) {
  FakeProc proc;
  EXPECT_THAT(ProcInventory(proc.root()).List(), IsOkAndHolds(IsEmpty()));
  EXPECT_THAT(ProcInventory("/nonexistent").List(), StatusIs(absl::StatusCode::kNotFound));
}

TEST(ProcInventoryTest, WakeEndsAWait) {
  ProcInventory inventory;
  inventory.Wake();
  EXPECT_TRUE(inventory.WaitForChange(absl::Hours(1)));
  EXPECT_FALSE(inventory.WaitForChange(absl::ZeroDuration()));
}

}  // namespace
}  // namespace vrapl
