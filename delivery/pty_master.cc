#include "delivery/pty_master.h"

#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/host_root.h"

namespace vrapl {
namespace {

// fdinfo of a pty master has a line "tty-index:\t3".
std::optional<unsigned> TtyIndex(absl::string_view fdinfo) {
  for (absl::string_view line : absl::StrSplit(fdinfo, '\n')) {
    unsigned index = 0;
    if (absl::ConsumePrefix(&line, "tty-index:") && absl::SimpleAtoi(line, &index)) return index;
  }
  return std::nullopt;
}

bool IsMasterLink(const std::string& link) {
  std::array<char, 64> target;
  const ssize_t size = ::readlink(link.c_str(), target.data(), target.size());
  return size > 0 && absl::EndsWith(absl::string_view(target.data(), static_cast<size_t>(size)), "/ptmx");
}

}  // namespace

absl::StatusOr<PtyMaster> PtyMaster::Find(pid_t owner, unsigned index) {
  UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, owner, 0)));
  if (!process.ok()) {
    const int error = errno;
    // ESRCH: it is gone, and so does not hold the pty.
    return PosixError(error == ESRCH ? ENOENT : error, absl::StrCat("pidfd_open of process ", owner));
  }
  const std::string fds = absl::StrCat("/proc/", owner, "/fd");
  absl::StatusOr<std::vector<std::string>> names = ListDirectory(fds);
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    int fd = -1;
    if (!absl::SimpleAtoi(name, &fd) || !IsMasterLink(absl::StrCat(fds, "/", name))) continue;
    const absl::StatusOr<std::string> info = ReadSmallFile(absl::StrCat("/proc/", owner, "/fdinfo/", name));
    if (info.ok() && TtyIndex(*info) == index) return PtyMaster(std::move(process), fd, index);
  }
  return absl::NotFoundError(absl::StrCat("process ", owner, " does not hold pty ", index));
}

std::optional<int> PtyMaster::Unread() const {
  const UniqueFd master(static_cast<int>(::syscall(SYS_pidfd_getfd, process_.get(), fd_, 0)));
  unsigned index = 0;
  int unread = 0;
  if (!master.ok() || ::ioctl(master.get(), TIOCGPTN, &index) != 0 || index != index_ ||
      ::ioctl(master.get(), FIONREAD, &unread) != 0) {
    return std::nullopt;
  }
  return unread;
}

}  // namespace vrapl
