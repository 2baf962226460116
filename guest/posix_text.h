// What the program needs of the system, without libraries: descriptors that close themselves, small files, and errno as
// a sentence. Failures are sentences that say what was tried and what to do; "" is success. Threads: any.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace vrapl {

class OwnedFd {
 public:
  OwnedFd() = default;
  explicit OwnedFd(int fd) : fd_(fd) {}
  OwnedFd(OwnedFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  OwnedFd& operator=(OwnedFd&& other) noexcept {
    if (this != &other) Reset(std::exchange(other.fd_, -1));
    return *this;
  }
  ~OwnedFd() { Reset(); }

  bool ok() const { return fd_ >= 0; }
  int get() const { return fd_; }
  void Reset(int fd = -1);

 private:
  int fd_ = -1;
};

// "WHAT: No such file or directory".
std::string PosixFailure(int error, std::string_view what);

int64_t MonotonicNowNs();

// At most 64 KiB; "" also when it cannot be read.
std::string ReadSmallFile(const std::string& path);

// The first line of it.
std::string FirstLineOf(const std::string& path);

// A reader of `path` sees the old content or the new, whole. `scratch` is a path on the same file system that nobody
// reads.
std::string ReplaceFile(const std::string& path, const std::string& scratch, std::string_view content, mode_t mode);

// Like mkdir -p.
std::string MakeDirectories(const std::string& path);

}  // namespace vrapl
