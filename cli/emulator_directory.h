// Where an emulated host is mounted: a directory of our own that nobody else takes, and that does not stay for ever
// when we are killed.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "base/posix.h"

namespace vrapl {

// BASE/vrapl-emulated-XXXXXX with a file `lock`, which this holds, and a directory `host` to mount on. The kernel lets
// go of the lock of a program that is killed: such directories are taken away here.
class EmulatorDirectory {
 public:
  // Makes one below `base`, after removing those below it that are this user's and that nobody holds. Errors: of the
  // file system.
  static absl::StatusOr<std::unique_ptr<EmulatorDirectory>> Create(const std::string& base);
  ~EmulatorDirectory();  // what was mounted there has been unmounted
  EmulatorDirectory(const EmulatorDirectory&) = delete;
  EmulatorDirectory& operator=(const EmulatorDirectory&) = delete;

  const std::string& host() const { return host_; }

 private:
  EmulatorDirectory(std::string path, UniqueFd lock);

  const std::string path_;
  const std::string host_;
  const UniqueFd lock_;
};

}  // namespace vrapl
