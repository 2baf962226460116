// --emulate: starts vrapl-emulator for one command, and ends it afterwards.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/emulator_directory.h"

namespace vrapl {

class EmulatorProcess {
 public:
  // `arguments` are passed on, after --mount. Waits until the host root is mounted.
  // Errors: NOT_FOUND when there is no vrapl-emulator beside this program or on the PATH; when it ended, what it said:
  // INVALID_ARGUMENT when it was about `arguments`, else UNAVAILABLE.
  static absl::StatusOr<std::unique_ptr<EmulatorProcess>> Start(const std::vector<std::string>& arguments);
  ~EmulatorProcess();
  EmulatorProcess(const EmulatorProcess&) = delete;
  EmulatorProcess& operator=(const EmulatorProcess&) = delete;

  const std::string& host_root() const { return directory_->host(); }
  pid_t pid() const { return pid_; }

 private:
  explicit EmulatorProcess(std::unique_ptr<EmulatorDirectory> directory) : directory_(std::move(directory)) {}

  pid_t pid_ = 0;
  const std::unique_ptr<EmulatorDirectory> directory_;  // goes when the emulator has ended
  std::thread relay_;                                   // its stderr to ours
};

}  // namespace vrapl
