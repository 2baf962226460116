// A line for people and for other programs. Pure. Threads: any.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "guest/line_source.h"

namespace vrapl {

enum class LineFormat { kText, kLine, kJson, kWatts };

std::optional<LineFormat> LineFormatByName(std::string_view name);

// With its newline. kText: power, energy, CPU time and what to mind, in columns; kLine: as it came; kJson: an object
// with the line's keys, numbers bare, what is unknown left out; kWatts: the number alone, "nan" when it is unknown.
std::string FormatLine(const ArrivedLine& arrived, LineFormat format);

// What is to be said where energy is less than in an earlier line of the same epoch, which no host may send; "": it is
// not.
std::string EnergyFell(const GuestLine& before, const GuestLine& now);

}  // namespace vrapl
