// Which of a VM's serial ports get the energy line. Pure.
#pragma once

#include <string>
#include <vector>

#include "vm/vm.h"

namespace vrapl {

inline constexpr char kPowerChannelName[] = "org.vrapl.power.0";

struct PortChoice {
  std::string channel = kPowerChannelName;  // the virtio-serial channel of this
                                            // name is always used
  std::vector<int> isa_ports;               // --serial-port: these ISA ports as well, the N of ttySN
  bool force = false;                       // --force-port: ttyS0 and the kernel's console too, which usually have
                                            // a login prompt: lines would be typed into it
};

struct ChosenPorts {
  std::vector<GuestPort> ports;       // channel first, then ISA ports in the order asked for
  std::vector<std::string> problems;  // one line each: what was asked for and
                                      // cannot be had, and what to do
};

// A VM that has none of them, and nothing to complain of, gives an empty list:
// it has not asked for its energy.
ChosenPorts ChoosePorts(const Vm& vm, const PortChoice& choice);

}  // namespace vrapl
