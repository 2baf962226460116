// A cross-check as a person reads it.
#pragma once

#include <string>

#include "probe/cross_check.h"
#include "probe/text.h"

namespace vrapl {

std::string ToText(const CrossCheck& check, const TextOptions& options = {});

}  // namespace vrapl
