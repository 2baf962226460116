#include "vm/power_port_xml.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "tests/status_matchers.h"
#include "vm/domain_xml.h"

namespace vrapl {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

// As a person might have left it.
constexpr char kXml[] = R"(<domain type="kvm" xmlns:qemu="http://libvirt.org/schemas/domain/qemu/1.0">
  <!-- the shop's -->
  <name>web &amp; shop</name>
  <metadata><app:home xmlns:app="http://example.org/app" keep="&quot;1&quot;">a  b</app:home></metadata>
  <devices>
    <graphics type="vnc" passwd="secret"/>
    <serial type="pty"><target port="0"/></serial>
  </devices>
  <qemu:commandline><qemu:arg value="-snapshot"/></qemu:commandline>
</domain>)";

const PowerPort kChannel;
const PowerPort kSerial{.isa_port = 1, .socket = "/run/web's.sock"};

TEST(PowerPortXmlTest, WhatIsPutInIsFoundAndTakenOutAgain) {
  for (const PowerPort& port : {kChannel, kSerial}) {
    EXPECT_THAT(HasPowerPort(kXml, port), IsOkAndHolds(false));
    const absl::StatusOr<std::string> with = WithPowerPort(kXml, port);
    ASSERT_THAT(with, IsOk());
    EXPECT_THAT(HasPowerPort(*with, port), IsOkAndHolds(true));
    EXPECT_THAT(WithPowerPort(*with, port), StatusIs(absl::StatusCode::kAlreadyExists));
    // All else is as it was, to the byte.
    EXPECT_EQ(absl::StrReplaceAll(*with, {{PowerPortXml(port), ""}}), kXml);
    EXPECT_THAT(WithoutPowerPort(*with, port), IsOkAndHolds(std::string(kXml)));
    EXPECT_THAT(WithoutPowerPort(kXml, port), StatusIs(absl::StatusCode::kNotFound));
  }
}

TEST(PowerPortXmlTest, IsWhatServeLooksFor) {
  const absl::StatusOr<std::string> with = WithPowerPort(*WithPowerPort(kXml, kChannel), kSerial);
  ASSERT_THAT(with, IsOk());
  const absl::StatusOr<std::vector<GuestPort>> ports = ParseGuestPorts(*with);
  ASSERT_THAT(ports, IsOkAndHolds(SizeIs(3)));
  EXPECT_EQ((*ports)[1].name, "org.vrapl.power.0");
  EXPECT_EQ((*ports)[2].isa_port, 1);
  EXPECT_EQ((*ports)[2].path, "/run/web's.sock");
  EXPECT_EQ((*ports)[2].transport, GuestPort::Transport::kUnix);
}

TEST(PowerPortXmlTest, SomebodyElsesSerialPortStays) {
  const std::string taken = absl::StrReplaceAll(kXml, {{"<target port=\"0\"/>", "<target port=\"1\"/>"}});
  EXPECT_THAT(WithPowerPort(taken, kSerial),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("another number")));
  EXPECT_THAT(WithoutPowerPort(taken, kSerial), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("it stays")));
}

// libvirt writes the first serial port a second time, as a console.
TEST(PowerPortXmlTest, TheConsoleThatMirrorsItGoesWithIt) {
  constexpr char kOnly[] =
      R"(<domain><devices><serial type="unix"><source mode="bind" path="/run/web's.sock"/><target port="1"/></serial>)"
      R"(<console type="unix"><source mode="bind" path="/run/web's.sock"/><target type="serial" port="1"/></console>)"
      R"(</devices></domain>)";
  EXPECT_THAT(WithoutPowerPort(kOnly, kSerial), IsOkAndHolds(std::string("<domain><devices/></domain>")));
}

TEST(PowerPortXmlTest, ControllersAndBadXml) {
  EXPECT_FALSE(HasVirtioSerialController(kXml));
  EXPECT_TRUE(HasVirtioSerialController("<domain><devices><controller type='virtio-serial'/></devices></domain>"));
  EXPECT_THAT(WithPowerPort("<domain><devices>", kChannel), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(WithPowerPort("<network/>", kChannel), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(HasPowerPort("", kChannel), StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace vrapl
