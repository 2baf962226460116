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

}  // namespace vrapl
