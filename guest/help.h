#pragma once

#include <string>

namespace vrapl {

// What `vrapl-guest --help` says, or `vrapl-guest VERB --help`.
std::string HelpText(const std::string& verb);

}  // namespace vrapl
