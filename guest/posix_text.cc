#include "guest/posix_text.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>

namespace vrapl {

void OwnedFd::Reset(int fd) {
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

std::string PosixFailure(int error, std::string_view what) { return std::string(what) + ": " + std::strerror(error); }

int64_t MonotonicNowNs() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * int64_t{1'000'000'000} + now.tv_nsec;
}

std::string ReadSmallFile(const std::string& path) {
  const OwnedFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.ok()) return "";
  std::string content(size_t{64} << 10, '\0');
  size_t length = 0;
  while (length < content.size()) {
    const ssize_t got = ::read(fd.get(), content.data() + length, content.size() - length);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    length += static_cast<size_t>(got);
  }
  content.resize(length);
  return content;
}

std::string FirstLineOf(const std::string& path) {
  std::string content = ReadSmallFile(path);
  content.resize(std::min(content.find('\n'), content.size()));
  return content;
}

std::string ReplaceFile(const std::string& path, const std::string& scratch, std::string_view content, mode_t mode) {
  ::unlink(scratch.c_str());  // what a killed program left
  const OwnedFd fd(::open(scratch.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (!fd.ok()) return PosixFailure(errno, "write " + scratch);
  ::fchmod(fd.get(), mode);  // whatever the umask says
  const ssize_t wrote = ::write(fd.get(), content.data(), content.size());
  if (wrote != static_cast<ssize_t>(content.size())) {
    const int error = wrote < 0 ? errno : ENOSPC;
    ::unlink(scratch.c_str());
    return PosixFailure(error, "write " + scratch);
  }
  if (::rename(scratch.c_str(), path.c_str()) != 0) return PosixFailure(errno, "rename " + scratch + " to " + path);
  return "";
}

std::string MakeDirectories(const std::string& path) {
  for (size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
    const std::string part = path.substr(0, slash);
    if (::mkdir(part.c_str(), 0755) != 0 && errno != EEXIST) {
      const int error = errno;
      return PosixFailure(
          error, "make the directory " + part + (error == EACCES ? " (run as root, or choose another by --dir)" : ""));
    }
    if (slash == std::string::npos) return "";
  }
}

}  // namespace vrapl
