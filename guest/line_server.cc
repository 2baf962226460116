#include "guest/line_server.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace vrapl {

std::string LineServer::Listen(const std::string& path, mode_t mode) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return "the path of the socket " + path + " is too long; choose another by --dir";
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const auto* const name = reinterpret_cast<const sockaddr*>(&address);

  const OwnedFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(probe.get(), name, sizeof address) == 0) {
    return "another `vrapl-guest serve` offers lines at " + path + "; end it, or choose another directory by --dir";
  }
  ::unlink(path.c_str());
  listener_.Reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  // Nobody may connect before the mode is right.
  const mode_t old = ::umask(0777);
  const bool bound = ::bind(listener_.get(), name, sizeof address) == 0;
  const int error = errno;
  ::umask(old);
  if (!bound) return PosixFailure(error, "make the socket " + path);
  path_ = path;
  if (::chmod(path.c_str(), mode) != 0 || ::listen(listener_.get(), 128) != 0)
    return PosixFailure(errno, "listen at " + path);
  return "";
}

LineServer::~LineServer() {
  if (!path_.empty()) ::unlink(path_.c_str());
}

// Whoever reads no more shows as POLLHUP, which needs no asking for.
void LineServer::AddTo(std::vector<pollfd>& fds) const {
  fds.push_back({listener_.get(), POLLIN, 0});
  for (const OwnedFd& reader : readers_) fds.push_back({reader.get(), 0, 0});
}

void LineServer::Step(std::string_view newest) {
  std::erase_if(readers_, [](const OwnedFd& reader) {
    pollfd gone{reader.get(), 0, 0};
    return ::poll(&gone, 1, 0) > 0;
  });
  while (true) {
    OwnedFd reader(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!reader.ok()) return;
    if (readers_.size() >= kMostReaders) continue;
    // What it sends is refused by the kernel, so that nobody has to read it.
    ::shutdown(reader.get(), SHUT_RD);
    if (newest.empty() || SendTo(reader.get(), newest)) readers_.push_back(std::move(reader));
  }
}

bool LineServer::SendTo(int fd, std::string_view text) {
  return ::send(fd, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT) == static_cast<ssize_t>(text.size());
}

void LineServer::Send(std::string_view text) {
  std::erase_if(readers_, [&](const OwnedFd& reader) {
    int unread = 0;
    if (::ioctl(reader.get(), SIOCOUTQ, &unread) == 0 && unread > 0) {
      ++missed_;
      return false;
    }
    return !SendTo(reader.get(), text);
  });
}

}  // namespace vrapl
