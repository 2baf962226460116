// The findings as JSON, for programs.
#pragma once

#include <string>

#include "probe/findings.h"

namespace vrapl {

std::string ToJson(const ProbeFindings& found);

}  // namespace vrapl
