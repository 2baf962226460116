#include "delivery/tcp_port.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace vrapl {
namespace {

constexpr uint32_t kAnyState = ~0U;

struct Address {
  bool ipv4 = true;
  sockaddr_in6 name{};  // of IPv4 too: the address in its first word
};

absl::StatusOr<Address> Parse(const std::string& text) {
  const size_t colon = text.rfind(':');
  uint32_t port = 0;
  if (colon == std::string::npos || !absl::SimpleAtoi(absl::string_view(text).substr(colon + 1), &port) || port == 0 ||
      port > 65535) {
    return absl::InvalidArgumentError(absl::StrCat(text, " is not HOST:PORT with a number for PORT"));
  }
  std::string host = text.substr(0, colon);
  if (host.size() > 1 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  if (host.empty() || host == "0.0.0.0" || host == "localhost") host = "127.0.0.1";
  if (host == "::") host = "::1";

  Address address;
  address.name.sin6_port = htons(static_cast<uint16_t>(port));
  const std::string elsewhere = absl::StrCat(
      text,
      " is not on this machine's loopback, and what a guest is told is nobody else's; use 127.0.0.1, or <serial "
      "type='unix'>");
  if (::inet_pton(AF_INET, host.c_str(), &address.name.sin6_addr) == 1) {
    const bool loopback = address.name.sin6_addr.s6_addr[0] == 127;
    return loopback ? absl::StatusOr<Address>(address) : absl::FailedPreconditionError(elsewhere);
  }
  address.ipv4 = false;
  if (::inet_pton(AF_INET6, host.c_str(), &address.name.sin6_addr) == 1 &&
      IN6_IS_ADDR_LOOPBACK(&address.name.sin6_addr)) {
    return address;
  }
  return absl::FailedPreconditionError(elsewhere);
}

// The kernel's names are of one family or the other; ours are of both.
socklen_t ToKernel(const Address& address, sockaddr_storage& name) {
  if (address.ipv4) {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&name);
    v4->sin_family = AF_INET;
    v4->sin_port = address.name.sin6_port;
    std::memcpy(&v4->sin_addr, &address.name.sin6_addr, sizeof v4->sin_addr);
    return sizeof *v4;
  }
  std::memcpy(&name, &address.name, sizeof address.name);
  reinterpret_cast<sockaddr_in6*>(&name)->sin6_family = AF_INET6;
  return sizeof address.name;
}

sockaddr_in6 OwnName(int fd, bool ipv4) {
  sockaddr_storage name{};
  socklen_t size = sizeof name;
  sockaddr_in6 own{};
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size) != 0) return own;
  if (!ipv4) {
    std::memcpy(&own, &name, sizeof own);
    return own;
  }
  const auto* v4 = reinterpret_cast<const sockaddr_in*>(&name);
  own.sin6_port = v4->sin_port;
  std::memcpy(&own.sin6_addr, &v4->sin_addr, sizeof v4->sin_addr);
  return own;
}

}  // namespace

absl::StatusOr<TcpPort> TcpPort::Connect(const std::string& address) {
  const absl::StatusOr<Address> to = Parse(address);
  if (!to.ok()) return to.status();
  UniqueFd fd(::socket(to->ipv4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.ok()) {
    const int error = errno;
    return PosixError(error, "make a TCP socket");
  }
  // A line is one segment, and goes at once. TCP_USER_TIMEOUT would end the connection to a guest that does not read.
  const int on = 1;
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_storage name{};
  const socklen_t size = ToKernel(*to, name);
  int error = ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&name), size) == 0 ? 0 : errno;
  if (error == EINPROGRESS) {
    // On the loopback the answer is there when the call returns, but it says "in progress" all the same.
    pollfd answer{.fd = fd.get(), .events = POLLOUT, .revents = 0};
    socklen_t length = sizeof error;
    if (::poll(&answer, 1, 0) != 1)
      error = ETIMEDOUT;
    else if (::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &length) != 0)
      error = errno;
  }
  if (error == ECONNREFUSED || error == ETIMEDOUT) {
    return absl::UnavailableError(
        absl::StrCat("connect to ", address, ": ", std::strerror(error), " (the VM is gone)"));
  }
  if (error != 0) return PosixError(error, absl::StrCat("connect to ", address));
  const sockaddr_in6 own = OwnName(fd.get(), to->ipv4);
  TcpPort port(std::move(fd), own, to->name, to->ipv4);
  port.diag_ = UniqueFd(::socket(AF_NETLINK, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  return port;
}

absl::StatusOr<std::pair<uint64_t, uint64_t>> TcpPort::DeviceOf(const std::string& address) {
  const absl::StatusOr<Address> to = Parse(address);
  if (!to.ok()) return to.status();
  uint32_t host = 0;
  std::memcpy(&host, &to->name.sin6_addr, sizeof host);
  // No device of the kernel has such a number.
  return std::pair<uint64_t, uint64_t>{(uint64_t{1} << 63) | (uint64_t{to->ipv4} << 32) | host,
                                       ntohs(to->name.sin6_port)};
}

std::optional<int> TcpPort::Unread(int fd) const {
  int under_way = 0;
  if (::ioctl(fd, SIOCOUTQ, &under_way) != 0 || !diag_.ok()) return std::nullopt;
  struct {
    nlmsghdr head;
    inet_diag_req_v2 ask;
  } request{};
  request.head = {.nlmsg_len = sizeof request,
                  .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                  .nlmsg_flags = NLM_F_REQUEST,
                  .nlmsg_seq = 0,
                  .nlmsg_pid = 0};
  request.ask.sdiag_family = ipv4_ ? AF_INET : AF_INET6;
  request.ask.sdiag_protocol = IPPROTO_TCP;
  request.ask.idiag_states = kAnyState;
  // The other end's: its own address is the one that we connected to.
  request.ask.id.idiag_sport = theirs_.sin6_port;
  request.ask.id.idiag_dport = ours_.sin6_port;
  std::memcpy(request.ask.id.idiag_src, &theirs_.sin6_addr, sizeof request.ask.id.idiag_src);
  std::memcpy(request.ask.id.idiag_dst, &ours_.sin6_addr, sizeof request.ask.id.idiag_dst);
  request.ask.id.idiag_cookie[0] = INET_DIAG_NOCOOKIE;
  request.ask.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
  if (::send(diag_.get(), &request, sizeof request, MSG_DONTWAIT) != sizeof request) return std::nullopt;
  // The kernel answers within the call.
  alignas(nlmsghdr) std::array<char, 2048> answer;
  const ssize_t size = ::recv(diag_.get(), answer.data(), answer.size(), MSG_DONTWAIT);
  const auto* head = reinterpret_cast<const nlmsghdr*>(answer.data());
  if (size < 0 || !NLMSG_OK(head, static_cast<size_t>(size)) || head->nlmsg_type != SOCK_DIAG_BY_FAMILY) {
    return std::nullopt;
  }
  inet_diag_msg told;
  if (head->nlmsg_len < NLMSG_LENGTH(sizeof told)) return std::nullopt;
  std::memcpy(&told, NLMSG_DATA(head), sizeof told);
  // A lookup that finds nobody else finds who listens there; whose queue is callers, not bytes.
  if (told.id.idiag_dport != ours_.sin6_port) return std::nullopt;
  return under_way + static_cast<int>(told.idiag_rqueue);
}

}  // namespace vrapl
