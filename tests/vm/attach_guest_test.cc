// Attaching with a real libvirtd and QEMU, which runs firmware only: what the host sees of the port is what counts
// here.
#include <sys/stat.h>

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "tests/requirements.h"
#include "tests/status_matchers.h"
#include "tests/vm/fake_proc.h"
#include "tests/vm/libvirt_sanitizers.h"
#include "vm/attach.h"
#include "vm/find_vm.h"
#include "vm/inventory.h"

namespace vrapl {
namespace {

using testing::HasSubstr;
using Part = AttachResult::Part;

constexpr char kXml[] = R"(<domain type='qemu'>
  <name>shop</name><memory unit='MiB'>64</memory><vcpu>1</vcpu>
  <os><type arch='x86_64' machine='pc'>hvm</type></os>
  <devices>CONTROLLER<serial type='pty'><target port='0'/></serial></devices>
</domain>)";

class AttachGuestTest : public testing::Test {
 protected:
  void SetUp() override { VRAPL_NEEDS("guest"); }
  void TearDown() override {
    Run("virsh -q destroy shop");
    Run("virsh -q undefine shop");
  }
  static int Run(const std::string& command) { return std::system((command + " >/dev/null 2>&1").c_str()); }
  void Write(bool controller) {
    WriteFile(files_.path() + "/vm.xml",
              absl::StrReplaceAll(kXml, {{"CONTROLLER", controller ? "<controller type='virtio-serial'/>" : ""}}));
  }
  // The host's end of the channel, and whether it is a socket; "" without one.
  static std::string Channel() {
    absl::StatusOr<std::unique_ptr<Inventory>> inventory = Inventory::Open("qemu:///system");
    if (!inventory.ok()) return "";
    const absl::StatusOr<Vm> vm = FindVm(*(*inventory)->List(), "shop");
    if (!vm.ok()) return "";
    for (const GuestPort& port : vm->ports) {
      struct stat file;
      if (port.name == "org.vrapl.power.0") {
        return ::stat(port.path.c_str(), &file) == 0 && S_ISSOCK(file.st_mode) ? port.path : "";
      }
    }
    return "";
  }

  TempDir files_;
  const AttachRequest request_{.vm = "shop"};
};

TEST_F(AttachGuestTest, WhereAControllerIsItIsThereAtOnceAndAfterARestart) {
  Write(/*controller=*/true);
  ASSERT_EQ(Run("virsh -q define " + files_.path() + "/vm.xml && virsh -q start shop"), 0);
  absl::StatusOr<AttachResult> result = AttachPowerPort(request_);
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->definition, Part::kChanged);
  EXPECT_EQ(result->running, Part::kChanged) << result->why_not_now;
  EXPECT_NE(Channel(), "");
  result = AttachPowerPort(request_);
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->definition, Part::kAsItWas);
  EXPECT_EQ(result->running, Part::kAsItWas);
  ASSERT_EQ(Run("virsh -q destroy shop && virsh -q start shop"), 0);
  EXPECT_NE(Channel(), "");

  result = DetachPowerPort(request_);
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->definition, Part::kChanged);
  EXPECT_EQ(result->running, Part::kChanged) << result->why_not_now;
  ASSERT_EQ(Run("virsh -q destroy shop && virsh -q start shop"), 0);
  EXPECT_EQ(Channel(), "");
}

TEST_F(AttachGuestTest, WithoutAControllerItIsThereAfterARestart) {
  Write(/*controller=*/false);
  ASSERT_EQ(Run("virsh -q define " + files_.path() + "/vm.xml && virsh -q start shop"), 0);
  AttachRequest serial = request_;
  serial.port.isa_port = 1;
  serial.port.socket = files_.path() + "/tty1.sock";
  for (const AttachRequest& request : {request_, serial}) {
    const absl::StatusOr<AttachResult> result = AttachPowerPort(request);
    ASSERT_THAT(result, IsOk());
    EXPECT_EQ(result->definition, Part::kChanged);
    EXPECT_EQ(result->running, Part::kAtNextRun);
  }
  EXPECT_EQ(Channel(), "");
  ASSERT_EQ(Run("virsh -q destroy shop && virsh -q start shop"), 0);
  EXPECT_NE(Channel(), "");
  struct stat file;
  EXPECT_EQ(::stat(serial.port.socket.c_str(), &file), 0);
  const absl::StatusOr<AttachResult> detached = DetachPowerPort(serial);
  ASSERT_THAT(detached, IsOk());
  EXPECT_EQ(detached->definition, Part::kChanged);
  EXPECT_EQ(detached->running, Part::kAtNextRun);
}

TEST_F(AttachGuestTest, AVmWithoutADefinitionThatCannotBeChangedIsAnError) {
  Write(/*controller=*/false);
  ASSERT_EQ(Run("virsh -q create " + files_.path() + "/vm.xml"), 0);
  EXPECT_THAT(AttachPowerPort(request_), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("define it first")));
}

}  // namespace
}  // namespace vrapl
