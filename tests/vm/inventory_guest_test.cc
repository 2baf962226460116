// Inventory against a real libvirtd and real QEMU processes, which run firmware only: what they show on the host is all
// that counts here.
#include <sys/stat.h>

#include <cstdlib>

#include "tests/fakes/simulated_clock.h"
#include "tests/requirements.h"
#include "tests/status_matchers.h"
#include "tests/vm/fake_proc.h"
#include "tests/vm/libvirt_sanitizers.h"
#include "vm/find_vm.h"
#include "vm/inventory.h"
#include "vm/proc_inventory.h"

namespace vrapl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

constexpr char kXml[] = R"(<domain type='qemu'>
  <name>%s</name><memory unit='MiB'>64</memory><vcpu>2</vcpu>
  <os><type arch='x86_64' machine='pc'>hvm</type></os>
  <devices>
    <controller type='virtio-serial' index='0'/>
    <serial type='pty'><target port='0'/></serial>
    <serial type='unix'><source mode='bind' path='%s/tty1.sock'/><target port='1'/></serial>
    <channel type='unix'><target type='virtio' name='org.vrapl.power.0'/></channel>
  </devices>
</domain>)";

class InventoryGuestTest : public testing::Test {
 protected:
  void SetUp() override { VRAPL_NEEDS("guest"); }
  void TearDown() override {
    if (!started_.empty()) Run("virsh -q destroy '" + started_ + "'");
  }

  static int Run(const std::string& command) { return std::system((command + " >/dev/null 2>&1").c_str()); }
  static int Daemon(const std::string& action) {
    return Run(absl::StrCat(VRAPL_SOURCE_DIR "/scripts/private-libvirt --", action));
  }
  void Start(const std::string& name) {
    char xml[2048];
    std::snprintf(xml, sizeof xml, kXml, name.c_str(), files_.path().c_str());
    WriteFile(files_.path() + "/vm.xml", xml);
    ASSERT_EQ(Run("virsh -q create " + files_.path() + "/vm.xml"), 0);
    started_ = name;
  }

  TempDir files_;
  std::string started_;
};

TEST_F(InventoryGuestTest, FollowsAVmThroughItsLife) {
  absl::StatusOr<std::unique_ptr<Inventory>> inventory = Inventory::Open("qemu:///system");
  ASSERT_THAT(inventory, IsOk());
  EXPECT_THAT((*inventory)->List(), IsOkAndHolds(SizeIs(0)));

  Start("web,1 x");  // a name that QEMU's command line must escape
  EXPECT_TRUE((*inventory)->WaitForChange(absl::Seconds(60)));
  const absl::StatusOr<std::vector<Vm>> vms = (*inventory)->List();
  ASSERT_THAT(vms, IsOkAndHolds(SizeIs(1)));
  const Vm& vm = vms->front();
  EXPECT_EQ(vm.name, "web,1 x");
  ASSERT_THAT(vm.vcpus, SizeIs(2));
  EXPECT_EQ(vm.vcpus[1].index, 1);
  struct stat file;
  EXPECT_EQ(::stat(absl::StrCat("/proc/", vm.pid, "/task/", vm.vcpus[1].tid).c_str(), &file), 0);
  ASSERT_THAT(vm.ports, SizeIs(3));
  EXPECT_EQ(vm.ports[0].transport, GuestPort::Transport::kPty);
  EXPECT_EQ(vm.ports[0].isa_port, 0);
  ASSERT_EQ(::stat(vm.ports[0].path.c_str(), &file), 0);
  EXPECT_TRUE(S_ISCHR(file.st_mode));
  EXPECT_EQ(vm.ports[1].isa_port, 1);
  EXPECT_EQ(vm.ports[1].path, files_.path() + "/tty1.sock");
  EXPECT_EQ(vm.ports[2].name, "org.vrapl.power.0");
  ASSERT_EQ(::stat(vm.ports[2].path.c_str(), &file), 0) << vm.ports[2].path;
  EXPECT_TRUE(S_ISSOCK(file.st_mode));

  // /proc alone finds the same VM, without what only its XML tells.
  Vm without_ports = vm;
  without_ports.ports.clear();
  without_ports.resources.clear();
  EXPECT_THAT(ProcInventory().List(), IsOkAndHolds(testing::Contains(without_ports)));

  while ((*inventory)->WaitForChange(absl::Milliseconds(200))) {
  }
  ASSERT_EQ(Run("virsh -q destroy 'web,1 x'"), 0);
  started_.clear();
  EXPECT_TRUE((*inventory)->WaitForChange(absl::Seconds(60)));
  EXPECT_THAT((*inventory)->List(), IsOkAndHolds(SizeIs(0)));
}

TEST_F(InventoryGuestTest, OutlivesItsDaemon) {
  SimulatedClock clock;
  absl::StatusOr<std::unique_ptr<Inventory>> inventory =
      Inventory::Open(InventoryOptions{.socket_dir = "", .clock = &clock});
  ASSERT_THAT(inventory, IsOk());
  Start("web");
  const absl::StatusOr<std::vector<Vm>> before = (*inventory)->List();
  ASSERT_THAT(before, IsOkAndHolds(SizeIs(1)));
  while ((*inventory)->WaitForChange(absl::Milliseconds(200))) {
  }

  ASSERT_EQ(Daemon("stop-daemon"), 0);
  EXPECT_TRUE((*inventory)->WaitForChange(absl::Seconds(60)));  // losing the daemon is a change
  EXPECT_FALSE((*inventory)->connected());
  EXPECT_THAT((*inventory)->List(), StatusIs(absl::StatusCode::kUnavailable, HasSubstr("systemctl start libvirtd")));
  EXPECT_THAT((*inventory)->List(), StatusIs(absl::StatusCode::kUnavailable, HasSubstr("again in 1 s")));

  ASSERT_EQ(Daemon("start-daemon"), 0);
  EXPECT_THAT((*inventory)->List(), StatusIs(absl::StatusCode::kUnavailable));  // the pause is not over
  clock.Advance(kNanosPerSecond);
  EXPECT_TRUE((*inventory)->WaitForChange(absl::Hours(1)));                       // at once: an attempt is due
  EXPECT_THAT((*inventory)->List(), IsOkAndHolds(ElementsAre(before->front())));  // the VM has not noticed
  EXPECT_EQ((*inventory)->connections(), 2u);

  // Events work on the new connection.
  while ((*inventory)->WaitForChange(absl::Milliseconds(200))) {
  }
  ASSERT_EQ(Run("virsh -q suspend web"), 0);
  EXPECT_TRUE((*inventory)->WaitForChange(absl::Seconds(60)));
}

// However long the daemon was away, it is asked as soon as its socket is back.
TEST_F(InventoryGuestTest, TheDaemonsSocketEndsThePause) {
  SimulatedClock clock;
  absl::StatusOr<std::unique_ptr<Inventory>> inventory = Inventory::Open(InventoryOptions{.clock = &clock});
  ASSERT_THAT(inventory, IsOk());
  ASSERT_EQ(Daemon("stop-daemon"), 0);
  EXPECT_TRUE((*inventory)->WaitForChange(absl::Seconds(60)));
  for (const int pause : {1, 2, 4, 8, 16}) {
    EXPECT_THAT((*inventory)->List(), StatusIs(absl::StatusCode::kUnavailable));
    clock.Advance(pause * kNanosPerSecond);
  }
  EXPECT_THAT((*inventory)->List(), StatusIs(absl::StatusCode::kUnavailable));  // 30 s from here
  while ((*inventory)->WaitForChange(absl::Milliseconds(200))) {
  }
  ASSERT_EQ(Daemon("start-daemon"), 0);
  EXPECT_TRUE((*inventory)->WaitForChange(absl::Seconds(20)));
  EXPECT_THAT((*inventory)->List(), IsOk());
  EXPECT_EQ((*inventory)->connections(), 2u);
}

TEST_F(InventoryGuestTest, PausesGrowWhileNobodyAnswers) {
  SimulatedClock clock;
  absl::StatusOr<std::unique_ptr<Inventory>> inventory = Inventory::Open(InventoryOptions{.clock = &clock});
  ASSERT_THAT(inventory, IsOk());
  ASSERT_EQ(Daemon("stop-daemon"), 0);
  (*inventory)->WaitForChange(absl::Seconds(60));
  for (const int pause : {1, 2, 4, 8, 16, 30, 30}) {
    EXPECT_THAT((*inventory)->List(), StatusIs(absl::StatusCode::kUnavailable));
    EXPECT_THAT((*inventory)->List(),
                StatusIs(absl::StatusCode::kUnavailable, HasSubstr(absl::StrCat("in ", pause, " s"))));
    clock.Advance(pause * kNanosPerSecond);
  }
  ASSERT_EQ(Daemon("start-daemon"), 0);
  EXPECT_THAT((*inventory)->List(), IsOk());
}

TEST_F(InventoryGuestTest, DefinedIsToldFromUnknown) {
  char xml[2048];
  std::snprintf(xml, sizeof xml, kXml, "mail", files_.path().c_str());
  WriteFile(files_.path() + "/mail.xml", xml);
  ASSERT_EQ(Run("virsh -q define " + files_.path() + "/mail.xml"), 0);
  absl::StatusOr<std::unique_ptr<Inventory>> inventory = Inventory::Open("qemu:///system");
  ASSERT_THAT(inventory, IsOk());
  EXPECT_THAT(FindVm(*(*inventory)->List(), "mail", (*inventory)->DefinedButNotRunning()),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("defined but not running")));
  Run("virsh -q undefine mail");
}

}  // namespace
}  // namespace vrapl
