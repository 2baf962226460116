// --emulate: starts vrapl-emulator for one command, and ends it afterwards.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace vrapl {

class EmulatorProcess {
 public:
  // `arguments` are passed on, after --mount. Waits until the host root is mounted.
  // Errors: NOT_FOUND when there is no vrapl-emulator beside this program or on the PATH; UNAVAILABLE when it ended.
  static absl::StatusOr<std::unique_ptr<EmulatorProcess>> Start(const std::vector<std::string>& arguments);
  ~EmulatorProcess();
  EmulatorProcess(const EmulatorProcess&) = delete;
  EmulatorProcess& operator=(const EmulatorProcess&) = delete;

  const std::string& host_root() const { return mount_; }
  pid_t pid() const { return pid_; }

 private:
  EmulatorProcess(pid_t pid, std::string directory) : pid_(pid), mount_(std::move(directory)) {}

  pid_t pid_;
  std::string mount_;
};

}  // namespace vrapl
