#include "vm/port_choice.h"

#include "tests/status_matchers.h"

namespace vrapl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Vm Web() {
  GuestPort tty0{.kind = GuestPort::Kind::kIsaSerial, .transport = GuestPort::Transport::kPty, .path = "/dev/pts/0"};
  tty0.isa_port = 0;
  GuestPort tty1{.kind = GuestPort::Kind::kIsaSerial, .transport = GuestPort::Transport::kUnix, .path = "/run/tty1"};
  tty1.isa_port = 1;
  GuestPort agent{.transport = GuestPort::Transport::kUnix, .path = "/run/agent", .name = "org.qemu.guest_agent.0"};
  GuestPort power{.transport = GuestPort::Transport::kUnix, .path = "/run/power", .name = "org.vrapl.power.0"};
  return Vm{.name = "web", .ports = {tty0, tty1, agent, power}};
}

TEST(PortChoiceTest, TakesTheChannelAndTheSerialPortsThatAreNamed) {
  const Vm web = Web();
  EXPECT_THAT(ChoosePorts(web, {}).ports, ElementsAre(web.ports[3]));
  EXPECT_THAT(ChoosePorts(web, {.isa_ports = {1}}).ports, ElementsAre(web.ports[3], web.ports[1]));
  EXPECT_THAT(ChoosePorts(web, {.channel = "org.qemu.guest_agent.0"}).ports, ElementsAre(web.ports[2]));
}

TEST(PortChoiceTest, Port0OnlyWhenForced) {
  const Vm web = Web();
  const ChosenPorts refused = ChoosePorts(web, {.isa_ports = {0}});
  EXPECT_THAT(refused.ports, ElementsAre(web.ports[3]));
  EXPECT_THAT(refused.problems, ElementsAre(HasSubstr("login prompt")));
  EXPECT_THAT(ChoosePorts(web, {.isa_ports = {0}, .force = true}).ports, ElementsAre(web.ports[3], web.ports[0]));
}

TEST(PortChoiceTest, TheKernelsConsoleOnlyWhenForced) {
  Vm web = Web();
  web.ports[1].login = true;
  const ChosenPorts refused = ChoosePorts(web, {.isa_ports = {1}});
  EXPECT_THAT(refused.ports, ElementsAre(web.ports[3]));
  EXPECT_THAT(refused.problems, ElementsAre(HasSubstr("console=ttyS1")));
  EXPECT_THAT(ChoosePorts(web, {.isa_ports = {1}, .force = true}).ports, ElementsAre(web.ports[3], web.ports[1]));
}

TEST(PortChoiceTest, AVmThatHasNotAskedIsNoProblem) {
  Vm quiet = Web();
  quiet.ports.resize(1);
  EXPECT_THAT(ChoosePorts(quiet, {}).ports, IsEmpty());
  EXPECT_THAT(ChoosePorts(quiet, {}).problems, IsEmpty());
  EXPECT_THAT(ChoosePorts(quiet, {.isa_ports = {1}}).problems, ElementsAre(HasSubstr("no serial port 1")));
  // The channel is there instead.
  EXPECT_THAT(ChoosePorts(Web(), {.isa_ports = {3}}).problems, IsEmpty());
}

TEST(PortChoiceTest, OneHostEndIsUsedOnce) { EXPECT_EQ(ChoosePorts(Web(), {.isa_ports = {1, 1}}).ports.size(), 2u); }

TEST(PortChoiceTest, APortThatCannotBeWrittenToIsSaid) {
  Vm web = Web();
  web.ports[3].transport = GuestPort::Transport::kOther;
  const ChosenPorts chosen = ChoosePorts(web, {});
  EXPECT_THAT(chosen.ports, IsEmpty());
  EXPECT_THAT(chosen.problems, ElementsAre(HasSubstr("cannot be written to")));
}

}  // namespace
}  // namespace vrapl
