// How the running kernel was built, where it tells: /proc/config.gz, else /boot/config-RELEASE.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace vrapl {

// Where the kernel that runs has its configuration, best first.
std::vector<std::string> KernelConfigPaths();

// Whether `option` ("CONFIG_IRQ_TIME_ACCOUNTING") is built in, by the first of `paths`, plain or gzip, that can be
// read; nullopt when none can.
std::optional<bool> KernelHas(absl::string_view option, const std::vector<std::string>& paths);

}  // namespace vrapl
