#include "vm/domain_xml.h"

#include "absl/strings/str_cat.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

std::string Domain(const std::string& devices) {
  return "<domain type='kvm' id='3'>\n  <name>web</name>\n  <devices>\n" + devices + "\n  </devices>\n</domain>\n";
}

GuestPort Isa(GuestPort::Transport transport, std::string path, int port, std::string alias) {
  GuestPort result;
  result.kind = GuestPort::Kind::kIsaSerial;
  result.transport = transport;
  result.path = std::move(path);
  result.isa_port = port;
  result.alias = std::move(alias);
  return result;
}

GuestPort Channel(GuestPort::Transport transport, std::string path, std::string name, std::string alias) {
  GuestPort result;
  result.transport = transport;
  result.path = std::move(path);
  result.name = std::move(name);
  result.alias = std::move(alias);
  return result;
}

// As libvirt 9.0 prints it for a running VM: console mirrored, a second serial, the agent's channel and ours.
constexpr char kLive[] = R"(
    <controller type='virtio-serial' index='0'><alias name='virtio-serial0'/></controller>
    <serial type='pty'>
      <source path='/dev/pts/4'/>
      <target type='isa-serial' port='0'><model name='isa-serial'/></target>
      <alias name='serial0'/>
    </serial>
    <serial type='unix'>
      <source mode='bind' path='/run/vrapl/web.sock'/>
      <target type='isa-serial' port='1'><model name='isa-serial'/></target>
      <alias name='serial1'/>
    </serial>
    <console type='pty' tty='/dev/pts/4'>
      <source path='/dev/pts/4'/>
      <target type='serial' port='0'/>
      <alias name='serial0'/>
    </console>
    <console type='pty' tty='/dev/pts/9'>
      <source path='/dev/pts/9'/>
      <target type='virtio' port='1'/>
      <alias name='console1'/>
    </console>
    <channel type='unix'>
      <source mode='bind' path='/var/lib/libvirt/qemu/channel/target/domain-3-web/org.qemu.guest_agent.0'/>
      <target type='virtio' name='org.qemu.guest_agent.0' state='connected'/>
      <alias name='channel0'/>
      <address type='virtio-serial' controller='0' bus='0' port='1'/>
    </channel>
    <channel type='unix'>
      <source mode='bind' path='/var/lib/libvirt/qemu/channel/target/domain-3-web/org.vrapl.power.0'/>
      <target type='virtio' name='org.vrapl.power.0' state='disconnected'/>
      <alias name='channel1'/>
    </channel>
    <channel type='spicevmc'>
      <target type='virtio' name='com.redhat.spice.0' state='disconnected'/>
      <alias name='channel2'/>
    </channel>)";

TEST(DomainXmlTest, ReadsEveryPortOfALiveVmOnce) {
  GuestPort agent =
      Channel(GuestPort::Transport::kUnix, "/var/lib/libvirt/qemu/channel/target/domain-3-web/org.qemu.guest_agent.0",
              "org.qemu.guest_agent.0", "channel0");
  agent.guest_open = true;
  GuestPort power =
      Channel(GuestPort::Transport::kUnix, "/var/lib/libvirt/qemu/channel/target/domain-3-web/org.vrapl.power.0",
              "org.vrapl.power.0", "channel1");
  power.guest_open = false;
  GuestPort spice = Channel(GuestPort::Transport::kOther, "", "com.redhat.spice.0", "channel2");
  spice.guest_open = false;
  EXPECT_THAT(ParseGuestPorts(Domain(kLive)),
              IsOkAndHolds(ElementsAre(Isa(GuestPort::Transport::kPty, "/dev/pts/4", 0, "serial0"),
                                       Isa(GuestPort::Transport::kUnix, "/run/vrapl/web.sock", 1, "serial1"), agent,
                                       power, spice)));
}

TEST(DomainXmlTest, TheGuestsNumberIsTheTargetPortAndNotTheAlias) {
  // A VM whose only serial is port 1: libvirt calls it serial0, and mirrors it as a console with port 0.
  const std::string xml = Domain(R"(
    <serial type='pty'><source path='/dev/pts/7'/><target type='isa-serial' port='1'/><alias name='serial0'/></serial>
    <console type='pty' tty='/dev/pts/7'><source path='/dev/pts/7'/><target type='serial' port='0'/></console>)");
  EXPECT_THAT(ParseGuestPorts(xml),
              IsOkAndHolds(ElementsAre(Isa(GuestPort::Transport::kPty, "/dev/pts/7", 1, "serial0"))));
}

TEST(DomainXmlTest, AConsoleWithoutASerialIsThePort) {
  const std::string xml =
      Domain("<console type='pty'><source path='/dev/pts/2'/><target type='serial' port='0'/></console>");
  EXPECT_THAT(ParseGuestPorts(xml), IsOkAndHolds(ElementsAre(Isa(GuestPort::Transport::kPty, "/dev/pts/2", 0, ""))));
}

TEST(DomainXmlTest, AHotPluggedChannelHasNoStateYet) {
  const std::string xml = Domain(R"(
    <channel type='pty'><source path='/dev/pts/3'/><target type='virtio' name='org.vrapl.power.0'/>
    <alias name='channel2'/></channel>)");
  EXPECT_THAT(
      ParseGuestPorts(xml),
      IsOkAndHolds(ElementsAre(Channel(GuestPort::Transport::kPty, "/dev/pts/3", "org.vrapl.power.0", "channel2"))));
}

TEST(DomainXmlTest, TcpNamesHostAndPort) {
  const std::string xml = Domain(R"(
    <serial type='tcp'><source mode='bind' host='127.0.0.1' service='4555' tls='no'/><protocol type='raw'/>
    <target type='isa-serial' port='1'/></serial>
    <serial type='tcp'><source mode='connect' host='log.example' service='99'/><target type='isa-serial' port='2'/></serial>)");
  EXPECT_THAT(ParseGuestPorts(xml),
              IsOkAndHolds(ElementsAre(Isa(GuestPort::Transport::kTcp, "127.0.0.1:4555", 1, ""),
                                       Isa(GuestPort::Transport::kOther, "log.example:99", 2, ""))));
}

TEST(DomainXmlTest, WhatCannotBeWrittenToIsNamedAsSuch) {
  for (const char* serial : {"<serial type='file'><source path='/var/log/web.log'/><target port='1'/></serial>",
                             "<serial type='pipe'><source path='/run/pipe'/><target port='1'/></serial>",
                             "<serial type='unix'><source mode='connect' path='/run/x'/><target port='1'/></serial>",
                             "<serial type='null'><target port='1'/></serial>",
                             "<serial type='pty'><target port='1'/></serial>"}) {  // not running: no path
    const absl::StatusOr<std::vector<GuestPort>> ports = ParseGuestPorts(Domain(serial));
    ASSERT_THAT(ports, IsOkAndHolds(SizeIs(1))) << serial;
    EXPECT_EQ((*ports)[0].transport, GuestPort::Transport::kOther) << serial;
    EXPECT_EQ((*ports)[0].isa_port, 1) << serial;
  }
}

TEST(DomainXmlTest, PortsOfOtherBusesAreLeftOut) {
  const std::string xml = Domain(R"(
    <serial type='pty'><source path='/dev/pts/5'/><target type='pci-serial' port='1'/></serial>
    <serial type='pty'><source path='/dev/pts/6'/><target type='usb-serial' port='0'/></serial>
    <console type='pty'><source path='/dev/pts/5'/><target type='serial' port='0'/></console>
    <channel type='unix'><source mode='bind' path='/run/y'/><target type='guestfwd' address='10.0.2.1' port='4600'/></channel>)");
  EXPECT_THAT(ParseGuestPorts(xml), IsOkAndHolds(IsEmpty()));
}

TEST(DomainXmlTest, EntitiesInPathsAreDecoded) {
  const std::string xml =
      Domain("<serial type='unix'><source mode='bind' path='/run/a&amp;b &apos;c&apos;'/><target port='1'/></serial>");
  const absl::StatusOr<std::vector<GuestPort>> ports = ParseGuestPorts(xml);
  ASSERT_THAT(ports, IsOkAndHolds(SizeIs(1)));
  EXPECT_EQ((*ports)[0].path, "/run/a&b 'c'");
}

TEST(DomainXmlTest, TheKernelsConsoleIsALoginPort) {
  const auto login_ports = [](const std::string& words) {
    std::vector<int> login;
    const absl::StatusOr<std::vector<GuestPort>> ports = ParseGuestPorts(absl::StrCat(
        "<domain><os><cmdline>", words, "</cmdline></os><devices><serial type='pty'><target port='0'/></serial>",
        "<serial type='pty'><target port='1'/></serial></devices></domain>"));
    if (!ports.ok()) return login;
    for (const GuestPort& port : *ports) {
      if (port.login) login.push_back(port.isa_port);
    }
    return login;
  };
  EXPECT_THAT(login_ports("quiet console=tty0 console=ttyS1,115200n8"), ElementsAre(1));
  EXPECT_THAT(login_ports("console=ttyS0"), ElementsAre(0));
  EXPECT_THAT(login_ports("console=ttyS10 noconsole=ttyS1"), IsEmpty());
}

TEST(DomainXmlTest, RefusesWhatIsNoDomain) {
  EXPECT_THAT(ParseGuestPorts("<network/>"), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("<domain>")));
  EXPECT_THAT(ParseGuestPorts("<domain><devices>"), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("byte")));
  EXPECT_THAT(ParseGuestPorts(""), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(ParseGuestPorts("<domain/>"), IsOkAndHolds(IsEmpty()));
}

TEST(ResourcesOfVmTest, TellsWhatDecidesOnPowerAndNoSecrets) {
  const std::string xml = R"(<domain type='kvm'><name>web</name><memory unit='KiB'>1048576</memory>
    <vcpu placement='static' cpuset='2-3'>2</vcpu><iothreads>1</iothreads>
    <cputune><vcpupin vcpu='0' cpuset='2'/><quota>50000</quota></cputune>
    <os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type><cmdline>token=secret</cmdline></os>
    <cpu mode='host-model'/><devices><graphics passwd='secret'/></devices></domain>)";
  EXPECT_EQ(
      ResourcesOfVm(xml),
      R"(<memory unit="KiB">1048576</memory><vcpu placement="static" cpuset="2-3">2</vcpu><iothreads>1</iothreads>)"
      R"(<cputune><vcpupin vcpu="0" cpuset="2"/><quota>50000</quota></cputune>)"
      R"(<type arch="x86_64" machine="pc-q35-7.2">hvm</type><cpu mode="host-model"/>)");
  EXPECT_EQ(ResourcesOfVm("no xml"), "");
}

TEST(GuestPolicyOfVmTest, IsOurElementWhereverItsNameSpaceIsDeclared) {
  using testing::ElementsAre;
  using testing::IsEmpty;
  using testing::Pair;
  // As `virsh metadata --set` stores it: the declaration is on the element.
  EXPECT_THAT(GuestPolicyOfVm(R"(<domain><metadata>
      <app:power xmlns:app="http://example.org/app" period="1s"/>
      <vrapl:power xmlns:vrapl="https://vrapl.org/xmlns/guest/1" period="60s" preset="manifesto"/>
    </metadata></domain>)"),
              ElementsAre(Pair("preset", "manifesto"), Pair("period", "60s")));
  EXPECT_THAT(GuestPolicyOfVm(R"(<domain xmlns:v="https://vrapl.org/xmlns/guest/1"><metadata>
      <v:power deliver="off"/></metadata></domain>)"),
              ElementsAre(Pair("deliver", "off")));
  // What is not understood is not passed over: it may be meant to tell less.
  EXPECT_THAT(GuestPolicyOfVm(R"(<domain xmlns:v="https://vrapl.org/xmlns/guest/1"><metadata>
      <v:other/><v:power v:deliver="off"><deliver>off</deliver></v:power></metadata></domain>)"),
              ElementsAre(Pair("v:other", ""), Pair("deliver", ""), Pair("v:deliver", "off")));
  EXPECT_THAT(GuestPolicyOfVm(R"(<domain><metadata>
      <power xmlns="https://vrapl.org/xmlns/guest/1" quantum="1J"/></metadata></domain>)"),
              ElementsAre(Pair("quantum", "1J")));
  // The prefix is no name: that of another name space says nothing.
  EXPECT_THAT(GuestPolicyOfVm(R"(<domain><metadata><vrapl:power xmlns:vrapl="https://example.org/" period="1s"/>
      <power period="1s"/></metadata></domain>)"),
              IsEmpty());
  EXPECT_THAT(GuestPolicyOfVm("no xml"), IsEmpty());
}

}  // namespace
}  // namespace vrapl
