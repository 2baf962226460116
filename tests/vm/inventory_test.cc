// Inventory against libvirt's own fake, the test driver. It knows no processes: those are in a fake /proc.
#include "vm/inventory.h"

#include <libvirt/libvirt.h>

#include "tests/fakes/simulated_clock.h"
#include "tests/status_matchers.h"
#include "tests/vm/fake_proc.h"
#include "tests/vm/libvirt_sanitizers.h"

namespace vrapl {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

constexpr char kUuid[] = "6695eb01-f6a4-8304-79aa-97f2502e193f";  // of the only VM of test:///default
constexpr char kOtherUuid[] = "11111111-2222-3333-4444-555555555555";
constexpr char kQemu[] = "/usr/bin/qemu-system-x86_64";

constexpr char kNode[] = R"(<node>
  <domain type='test'>
    <name>web</name><uuid>11111111-2222-3333-4444-555555555555</uuid>
    <memory>65536</memory><os><type>hvm</type></os>
    <devices>
      <channel type='unix'><source mode='bind' path='/tmp/power.sock'/><target type='virtio' name='org.vrapl.power.0'/></channel>
    </devices>
  </domain>
  <domain type='test' xmlns:test='http://libvirt.org/schemas/domain/test/1.0'>
    <name>mail</name><uuid>99999999-2222-3333-4444-555555555555</uuid>
    <memory>65536</memory><os><type>hvm</type></os>
    <test:runstate>5</test:runstate>
  </domain>
</node>)";

class InventoryTest : public testing::Test {
 protected:
  InventoryOptions Options(const std::string& uri) {
    return {
        .uri = uri, .run_dir = run_dir_.path(), .proc = proc_.root(), .socket_dir = run_dir_.path(), .clock = &clock_};
  }
  std::string NodeUri() {
    WriteFile(files_.path() + "/node.xml", kNode);
    return "test://" + files_.path() + "/node.xml";
  }

  FakeProc proc_;
  TempDir run_dir_;
  TempDir files_;
  SimulatedClock clock_;
};

TEST_F(InventoryTest, ListsAVmWithItsProcessThreadsAndPorts) {
  proc_.AddProcess(4242, {kQemu, "-name", "guest=web,debug-threads=on", "-uuid", kOtherUuid}, kQemu, 777);
  proc_.AddThread(4242, 4243, "CPU 0/KVM");
  WriteFile(run_dir_.path() + "/web.pid", "4242\n");
  WriteFile(run_dir_.path() + "/driver.pid", "1\n");

  absl::StatusOr<std::unique_ptr<Inventory>> inventory = Inventory::Open(Options(NodeUri()));
  ASSERT_THAT(inventory, IsOk());
  EXPECT_TRUE((*inventory)->connected());
  const absl::StatusOr<std::vector<Vm>> vms = (*inventory)->List();
  ASSERT_THAT(vms, IsOkAndHolds(SizeIs(1)));
  const Vm& web = vms->front();
  EXPECT_EQ(web.name, "web");
  EXPECT_EQ(web.uuid, kOtherUuid);
  EXPECT_EQ(web.pid, 4242);
  EXPECT_EQ(web.start_time, 777u);
  EXPECT_THAT(web.vcpus, ElementsAre(Vcpu{0, 4243}));
  ASSERT_THAT(web.ports, SizeIs(1));
  EXPECT_EQ(web.ports[0].path, "/tmp/power.sock");
  EXPECT_EQ(web.ports[0].name, "org.vrapl.power.0");
  EXPECT_THAT((*inventory)->problems(), IsEmpty());
  EXPECT_THAT((*inventory)->DefinedButNotRunning(), ElementsAre("mail"));
}

TEST_F(InventoryTest, ThePidFileIsNotBelieved) {
  // It names a process that is another VM's by now; the right one is found by its uuid.
  proc_.AddProcess(4242, {kQemu, "-name", "guest=old", "-uuid", kUuid}, kQemu);
  proc_.AddProcess(5555, {kQemu, "-name", "guest=web", "-uuid", kOtherUuid}, kQemu);
  WriteFile(run_dir_.path() + "/web.pid", "4242\n");
  absl::StatusOr<std::unique_ptr<Inventory>> inventory = Inventory::Open(Options(NodeUri()));
  ASSERT_THAT(inventory, IsOk());
  const absl::StatusOr<std::vector<Vm>> vms = (*inventory)->List();
  ASSERT_THAT(vms, IsOkAndHolds(SizeIs(1)));
  EXPECT_EQ(vms->front().pid, 5555);
}

TEST_F(InventoryTest, AVmWithoutAProcessIsAProblemAndNotAVm) {
  WriteFile(run_dir_.path() + "/web.pid", "4242\n");
  absl::StatusOr<std::unique_ptr<Inventory>> inventory = Inventory::Open(Options(NodeUri()));
  ASSERT_THAT(inventory, IsOk());
  EXPECT_THAT((*inventory)->List(), IsOkAndHolds(IsEmpty()));
  EXPECT_THAT((*inventory)->problems(), ElementsAre(AllOf(HasSubstr("VM web"), HasSubstr("hidepid"))));
}

TEST_F(InventoryTest, EventsWakeTheWait) {
  absl::StatusOr<std::unique_ptr<Inventory>> inventory = Inventory::Open(Options("test:///default"));
  ASSERT_THAT(inventory, IsOk());
  EXPECT_FALSE((*inventory)->WaitForChange(absl::ZeroDuration()));
  virConnectPtr other = virConnectOpen("test:///default");
  ASSERT_NE(other, nullptr);
  virDomainPtr vm = virDomainLookupByName(other, "test");
  ASSERT_NE(vm, nullptr);
  const int64_t before_ns = MonotonicNs();
  ASSERT_EQ(virDomainSuspend(vm), 0);
  EXPECT_TRUE((*inventory)->WaitForChange(absl::Seconds(60)));
  EXPECT_LT(MonotonicNs() - before_ns, 10 * kNanosPerSecond);  // by the event, not by the timeout
  ASSERT_EQ(virDomainResume(vm), 0);
  EXPECT_TRUE((*inventory)->WaitForChange(absl::Seconds(60)));
  virDomainFree(vm);
  virConnectClose(other);
}

TEST_F(InventoryTest, SaysWhichVmsArePaused) {
  proc_.AddProcess(4242, {kQemu, "-name", "guest=test", "-uuid", kUuid}, kQemu);
  absl::StatusOr<std::unique_ptr<Inventory>> inventory = Inventory::Open(Options("test:///default"));
  ASSERT_THAT(inventory, IsOk());
  const auto paused = [&] {
    const absl::StatusOr<std::vector<Vm>> vms = (*inventory)->List();
    EXPECT_THAT(vms, IsOkAndHolds(SizeIs(1)));
    return vms->front().paused;
  };
  virConnectPtr other = virConnectOpen("test:///default");
  virDomainPtr vm = virDomainLookupByName(other, "test");
  ASSERT_NE(vm, nullptr);
  EXPECT_FALSE(paused());
  ASSERT_EQ(virDomainSuspend(vm), 0);
  EXPECT_TRUE(paused());
  ASSERT_EQ(virDomainResume(vm), 0);
  EXPECT_FALSE(paused());
  virDomainFree(vm);
  virConnectClose(other);
}

TEST_F(InventoryTest, WakeEndsAWaitOfAnotherThread) {
  absl::StatusOr<std::unique_ptr<Inventory>> inventory = Inventory::Open(Options("test:///default"));
  ASSERT_THAT(inventory, IsOk());
  (*inventory)->Wake();
  EXPECT_TRUE((*inventory)->WaitForChange(absl::Hours(1)));
}

TEST_F(InventoryTest, ErrorsAreOneLineAndSayWhatToDo) {
  const auto no_daemon = Inventory::Open(Options("qemu+unix:///system?socket=/nonexistent/libvirt-sock"));
  EXPECT_THAT(no_daemon, StatusIs(absl::StatusCode::kUnavailable,
                                  AllOf(HasSubstr("/nonexistent/libvirt-sock"), HasSubstr("systemctl start libvirtd"),
                                        HasSubstr("--vms=proc"), Not(HasSubstr("\n")))));
  EXPECT_THAT(Inventory::Open(Options("qemu+carrier-pigeon:///system")),
              StatusIs(absl::StatusCode::kInvalidArgument, AllOf(HasSubstr("carrier-pigeon"), HasSubstr("--connect"))));
}

TEST_F(InventoryTest, LibvirtDoesNotPrintByItself) {
  testing::internal::CaptureStderr();
  EXPECT_FALSE(Inventory::Open(Options("qemu+unix:///system?socket=/nonexistent/s")).ok());
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace vrapl
