#include "base/posix.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace vrapl {

void UniqueFd::Reset() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

absl::Status PosixError(int error, absl::string_view what) {
  // absl::ErrnoToStatus would call EIO "UNKNOWN"; a device that fails once may answer the next time.
  const absl::StatusCode code = error == EIO || error == EAGAIN || error == EBUSY ? absl::StatusCode::kUnavailable
                                                                                  : absl::ErrnoToStatusCode(error);
  return absl::Status(code, absl::StrCat(what, ": ", std::strerror(error)));
}

absl::Status SyncDirectoryOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string directory = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if ((fd.ok() && ::fsync(fd.get()) == 0) || errno == EINVAL) return absl::OkStatus();
  const int error = errno;
  // A directory that may be written and not read cannot be opened; the file is there all the same.
  if (!fd.ok() && error == EACCES) return absl::OkStatus();
  return PosixError(error, absl::StrCat("store ", directory, " on its disk"));
}

}  // namespace vrapl
