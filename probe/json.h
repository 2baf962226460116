// The findings as JSON, for programs. docs/probe-json.md says what each key means; a test keeps the two together.
#pragma once

#include <string>

#include "probe/cross_check.h"
#include "probe/findings.h"

namespace vrapl {

// With a cross-check where there was one.
std::string ToJson(const ProbeFindings& found, const CrossCheck* cross_check = nullptr);

}  // namespace vrapl
