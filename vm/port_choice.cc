#include "vm/port_choice.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace vrapl {
namespace {

bool SameHostEnd(const GuestPort& a, const GuestPort& b) { return a.transport == b.transport && a.path == b.path; }

}  // namespace

ChosenPorts ChoosePorts(const Vm& vm, const PortChoice& choice) {
  ChosenPorts chosen;
  const auto take = [&](const GuestPort& port, const std::string& what) {
    if (port.transport == GuestPort::Transport::kOther) {
      chosen.problems.push_back(absl::StrCat("VM ", vm.name, ": ", what,
                                             " is backed by something that cannot be written to; use type='unix' "
                                             "with mode='bind', or type='pty'"));
      return;
    }
    const bool taken = std::any_of(chosen.ports.begin(), chosen.ports.end(),
                                   [&](const GuestPort& other) { return SameHostEnd(other, port); });
    if (!taken) chosen.ports.push_back(port);
  };

  for (const GuestPort& port : vm.ports) {
    if (port.kind == GuestPort::Kind::kVirtioChannel && port.name == choice.channel) {
      take(port, absl::StrCat("channel ", port.name));
    }
  }
  for (const int wanted : choice.isa_ports) {
    if (wanted == 0 && !choice.force) {
      chosen.problems.push_back(absl::StrCat("VM ", vm.name,
                                             ": serial port 0 is not used, because a guest usually has a login "
                                             "prompt on "
                                             "ttyS0; add a second <serial> and name port 1, or --force-port"));
      continue;
    }
    const auto port = std::find_if(vm.ports.begin(), vm.ports.end(), [&](const GuestPort& candidate) {
      return candidate.kind == GuestPort::Kind::kIsaSerial && candidate.isa_port == wanted;
    });
    if (port != vm.ports.end() && port->login && !choice.force) {
      chosen.problems.push_back(absl::StrCat("VM ", vm.name, ": serial port ", wanted,
                                             " is not used, because it is the console of the guest's kernel "
                                             "(console=ttyS",
                                             wanted, " in its <cmdline>); name another one, or --force-port"));
    } else if (port != vm.ports.end()) {
      take(*port, absl::StrCat("serial port ", wanted));
    } else if (chosen.ports.empty()) {  // a VM that has the channel need not
                                        // have the serial port as well
      chosen.problems.push_back(absl::StrCat("VM ", vm.name, ": no serial port ", wanted,
                                             "; add <serial type='unix'> with <target port='", wanted,
                                             "'/>, or the channel ", choice.channel, ", and start it again"));
    }
  }
  return chosen;
}

}  // namespace vrapl
