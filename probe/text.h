// The findings as a person reads them, on one screen.
#pragma once

#include <string>

#include "probe/findings.h"
#include "vm/vm.h"

namespace vrapl {

struct TextOptions {
  bool colour = false;  // ANSI escapes: for a terminal, never for a file
};

std::string ToText(const ProbeFindings& found, const TextOptions& options = {});

// The last line of the screen: whether energy can be measured, and by what.
std::string VerdictLine(const ProbeFindings& found);

// "ttyS1 (unix /run/libvirt/NAME-ttyS1.sock)", "channel org.vrapl.power.0 (...)".
std::string PortText(const GuestPort& port);

}  // namespace vrapl
