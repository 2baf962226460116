// What can be learnt about the other end of a pty: whose it is, and how much of
// what we wrote has not been read.
//
// A pty does not tell its writer (TIOCOUTQ is always 0), and its number is
// given to another program when QEMU is gone. But /proc/PID/fdinfo names the
// pty of each master that a process holds, and pidfd_getfd(2) lends us that
// master for the moment of one FIONREAD. Both need the rights of ptrace on QEMU
// (CAP_SYS_PTRACE, or root); without them the answer is "unknown".
#pragma once

#include <sys/types.h>

#include <optional>

#include "absl/status/statusor.h"
#include "base/posix.h"

namespace vrapl {

class PtyMaster {
 public:
  // The master of pty number `index`, held by process `owner`.
  // Errors: NOT_FOUND: that process does not hold it. PERMISSION_DENIED,
  // UNIMPLEMENTED: cannot be known here.
  static absl::StatusOr<PtyMaster> Find(pid_t owner, unsigned index);

  // Bytes written to the pty that the owner has not read; nullopt when they
  // cannot be seen (any more).
  std::optional<int> Unread() const;

 private:
  PtyMaster(UniqueFd process, int fd, unsigned index) : process_(std::move(process)), fd_(fd), index_(index) {}

  UniqueFd process_;  // a pidfd
  int fd_;            // in that process
  unsigned index_;
};

}  // namespace vrapl
