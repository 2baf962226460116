// The findings as a person reads them, on one screen.
#pragma once

#include <string>

#include "probe/findings.h"
#include "vm/vm.h"

namespace vrapl {

std::string ToText(const ProbeFindings& found);

// "ttyS1 (unix /run/libvirt/NAME-ttyS1.sock)", "channel org.vrapl.power.0 (...)".
std::string PortText(const GuestPort& port);

}  // namespace vrapl
