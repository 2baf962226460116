// SerialPort against QEMU itself. Its VM runs firmware only, which reads no port: the guest that does not listen.
#include <cstdlib>
#include <thread>

#include "absl/strings/str_cat.h"
#include "delivery/serial_port.h"
#include "tests/delivery/vm_end.h"
#include "tests/fakes/simulated_clock.h"
#include "tests/requirements.h"
#include "tests/status_matchers.h"
#include "tests/vm/libvirt_sanitizers.h"
#include "vm/find_vm.h"
#include "vm/inventory.h"

namespace vrapl {
namespace {

using testing::SizeIs;

constexpr char kXml[] = R"(<domain type='qemu'>
  <name>deaf</name><memory unit='MiB'>64</memory><vcpu>1</vcpu>
  <os><type arch='x86_64' machine='pc'>hvm</type></os>
  <devices>
    <controller type='virtio-serial' index='0'/>
    <serial type='pty'><target port='1'/></serial>
    <serial type='unix'><source mode='bind' path='%s/tty2.sock'/><target port='2'/></serial>
    <channel type='unix'><target type='virtio' name='org.vrapl.power.0'/></channel>
    <channel type='pty'><target type='virtio' name='org.vrapl.power.1'/></channel>
  </devices>
</domain>)";

class SerialPortGuestTest : public testing::Test {
 protected:
  void SetUp() override {
    VRAPL_NEEDS("guest");
    char xml[2048];
    std::snprintf(xml, sizeof xml, kXml, dir_.path().c_str());
    WriteText(dir_.path() + "/vm.xml", xml);
    ASSERT_EQ(std::system(("virsh -q create " + dir_.path() + "/vm.xml >/dev/null").c_str()), 0);
    absl::StatusOr<std::unique_ptr<Inventory>> inventory = Inventory::Open("qemu:///system");
    ASSERT_THAT(inventory, IsOk());
    absl::StatusOr<Vm> vm = FindVm(*(*inventory)->List(), "deaf");
    ASSERT_THAT(vm, IsOk());
    vm_ = *std::move(vm);
    ASSERT_THAT(vm_.ports, SizeIs(4));
  }
  void TearDown() override {
    if (!vm_.name.empty()) (void)std::system("virsh -q destroy deaf >/dev/null 2>&1");
  }

  PortAddress Address(const GuestPort& port) const {
    return {.type = port.transport == GuestPort::Transport::kPty ? PortType::kPty : PortType::kUnixSocket,
            .path = port.path,
            .owner = vm_.pid};
  }

  TempDir dir_;
  SimulatedClock clock_;
  Vm vm_;
};

TEST_F(SerialPortGuestTest, OneLineWaitsInEveryKindOfPort) {
  for (const GuestPort& guest_port : vm_.ports) {
    SerialPort port(Address(guest_port), clock_);
    for (uint64_t i = 1; i <= 30; ++i) {
      clock_.Advance(2 * kNanosPerSecond);
      // Time for QEMU to take what the guest's device has room for; no line fits into that.
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      EXPECT_EQ(port.Write(Numbered(i)), i == 1 ? Outcome::kSent : Outcome::kSkippedUnread)
          << guest_port.path << " " << port.last_error();
    }
    EXPECT_TRUE(port.bounded()) << guest_port.path;
    EXPECT_EQ(port.counters().connections, 1u);
  }
}

TEST_F(SerialPortGuestTest, AVmThatEndsIsNoticedOnEveryPort) {
  std::vector<std::unique_ptr<SerialPort>> ports;
  for (const GuestPort& guest_port : vm_.ports) {
    ports.push_back(std::make_unique<SerialPort>(Address(guest_port), clock_));
    EXPECT_EQ(ports.back()->Write(Numbered(1)), Outcome::kSent);
  }
  ASSERT_EQ(std::system("virsh -q destroy deaf >/dev/null"), 0);
  for (const auto& port : ports) {
    EXPECT_EQ(port->Write(Numbered(2)), Outcome::kNotConnected) << port->address().path;
    clock_.Advance(2 * kNanosPerSecond);
    EXPECT_NE(port->Write(Numbered(3)), Outcome::kSent) << port->address().path;
  }
}

// A pty that belongs to QEMU, asked for as another process's.
TEST_F(SerialPortGuestTest, ThePtyIsKnownToBeTheVms) {
  PortAddress address = Address(vm_.ports[0]);
  ASSERT_EQ(address.type, PortType::kPty);
  address.owner = ::getpid();
  SerialPort port(address, clock_);
  EXPECT_EQ(port.Write(Numbered(1)), Outcome::kError);
  EXPECT_THAT(port.last_error(), StatusIs(absl::StatusCode::kFailedPrecondition));
}

}  // namespace
}  // namespace vrapl
