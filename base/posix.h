// File descriptors that close themselves, and errno as absl::Status.
#pragma once

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace vrapl {

// Owns one file descriptor; -1 is none.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) {
      Reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  ~UniqueFd() { Reset(); }

  bool ok() const { return fd_ >= 0; }
  int get() const { return fd_; }
  int Release() { return std::exchange(fd_, -1); }
  void Reset();

 private:
  int fd_ = -1;
};

// "`what`: strerror(error)" with the matching canonical code: ENOENT and ENXIO are NOT_FOUND, EACCES and EPERM
// PERMISSION_DENIED, EIO UNAVAILABLE, EINVAL INVALID_ARGUMENT, and so on. Copy errno before calling anything else.
absl::Status PosixError(int error, absl::string_view what);

// After a rename, a link or a new file: that the name stands in its directory survives a machine that goes down. A file
// system that cannot do this for a directory (EINVAL) is no error.
absl::Status SyncDirectoryOf(const std::string& path);

}  // namespace vrapl
