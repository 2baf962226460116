// A line to take for an example, and matchers of what the parser makes of a text.
#pragma once

#include <gmock/gmock.h>

#include <cstdint>
#include <string>

#include "guest_line/guest_line.h"

namespace vrapl {

inline GuestLine Example() {
  GuestLine line;
  line.seq = 1042;
  line.unix_ms = 1763767882271;
  line.dt_us = 2000013;
  line.power_mw = 12431;
  line.active_power_mw = 9870;
  line.energy_uj = 31842118000;
  line.active_uj = 20111222000;
  line.quantum_uj = 1000;
  line.run_time_ns = 803441827712;
  line.vcpus = 4;
  line.model = "base-share";
  line.source = "msr";
  line.run_time_method = "bpf";
  line.epoch = 0x9f3a61c2;
  return line;
}

inline std::string Numbered(uint64_t seq) {
  GuestLine line = Example();
  line.seq = seq;
  return FormatGuestLine(line);
}

MATCHER_P(HasFault, fault, "") {
  *result_listener << arg.why;
  return arg.fault == fault;
}

MATCHER_P(Holds, line, "is that line") {
  *result_listener << arg.why << FormatGuestLine(arg.line);
  return arg.fault == GuestLineFault::kNone && arg.line == line;
}

}  // namespace vrapl
