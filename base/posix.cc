#include "base/posix.h"

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

}  // namespace vrapl
