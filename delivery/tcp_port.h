// A port behind TCP on this machine's loopback: the connection, and how much of what we wrote QEMU has not read.
//
// TCP acknowledges what the other end's kernel has, read or not: SIOCOUTQ is 0 while hundreds of lines wait there. But
// the other end is a socket of this machine, and the kernel tells of each one how much is unread (sock_diag(7)), to
// anybody in the same network namespace.
#pragma once

#include <netinet/in.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "base/posix.h"

namespace vrapl {

// Not thread-safe. No call waits.
class TcpPort {
 public:
  // `address` is "HOST:PORT" as the VM's XML has it. HOST is a loopback address or "localhost"; where QEMU listens on
  // every address ("", "0.0.0.0", "::") the loopback's is taken.
  //
  // Errors: INVALID_ARGUMENT: no such address; FAILED_PRECONDITION: not on the loopback; UNAVAILABLE: nobody listens.
  static absl::StatusOr<TcpPort> Connect(const std::string& address);

  // What would be connected to, as two numbers: the same under two names has the same ones. Errors as above.
  static absl::StatusOr<std::pair<uint64_t, uint64_t>> DeviceOf(const std::string& address);

  UniqueFd TakeFd() { return std::move(fd_); }

  // Bytes written to `fd`, which was this port's, that the other end has not read; nullopt where that cannot be seen:
  // QEMU is in another network namespace.
  std::optional<int> Unread(int fd) const;

 private:
  TcpPort(UniqueFd fd, const sockaddr_in6& ours, const sockaddr_in6& theirs, bool ipv4)
      : fd_(std::move(fd)), ours_(ours), theirs_(theirs), ipv4_(ipv4) {}

  UniqueFd fd_;
  UniqueFd diag_;
  sockaddr_in6 ours_;  // IPv4 in the first word of the address
  sockaddr_in6 theirs_;
  bool ipv4_;
};

}  // namespace vrapl
