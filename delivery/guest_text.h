// The text that a guest gets of a line: as itself, as JSON, or the watts alone. docs/guest-line.md, "Other formats".
// Pure.
#pragma once

#include <string>

#include "delivery/guest_policy.h"
#include "guest_line/guest_line.h"

namespace vrapl {

// With its newline, kMaxGuestLine bytes at most.
//
//   line    VRAPL1 seq=7 ... *654faf72
//   json    {"version":1,"seq":7,...,"st":["ok"],"crc":"0a1b2c3d"}   the keys and values of the line; the CRC-32 is of
//           all bytes before `,"crc"`
//   watts   12.450      "nan" where the power is not known; then " emulated" where no counter was read
std::string FormatGuestText(const GuestLine& line, GuestFormat format);

}  // namespace vrapl
