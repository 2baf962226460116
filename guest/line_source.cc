#include "guest/line_source.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "guest/port_finder.h"

namespace vrapl {
namespace {

constexpr int64_t kNsPerMs = 1'000'000;
// What waited in a port is there as soon as the port is open; a UART's 16 bytes at a time take a little longer.
constexpr int64_t kMayHaveWaitedNs = 500 * kNsPerMs;

bool IsSocket(const std::string& path) {
  struct stat file {};
  return ::stat(path.c_str(), &file) == 0 && S_ISSOCK(file.st_mode);
}

std::string TakenBy(const std::string& path) {
  return "another program reads " + path +
         ", and two readers would take lines from each other; end it, or let `vrapl-guest serve` own the port: it "
         "offers "
         "every line to any number of readers";
}

// No echo, no line editing, no signals, no flow control. The speed of a virtual UART means nothing.
std::string MakeRaw(int fd, const std::string& path) {
  termios settings{};
  if (::tcgetattr(fd, &settings) != 0) return PosixFailure(errno, "look at the settings of " + path);
  ::cfmakeraw(&settings);
  settings.c_cflag |= CLOCAL | CREAD;
  settings.c_cflag &= ~static_cast<tcflag_t>(HUPCL | CRTSCTS);
  settings.c_cc[VMIN] = 1;
  settings.c_cc[VTIME] = 0;
  if (::tcsetattr(fd, TCSANOW, &settings) != 0) {
    return PosixFailure(errno, "make " + path + " raw (is there a serial port behind it?)");
  }
  return "";
}

}  // namespace

void LineSource::Sleep(int64_t now_ns, std::string trouble, bool close) {
  trouble_ = std::move(trouble);
  retry_at_ns_ = now_ns + options_.retry_ms * kNsPerMs;
  reader_.Reset();
  asleep_ = !close;
  if (close) fd_.Reset();
}

std::string LineSource::OpenSocket(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return "the path of the socket " + path + " is too long";
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  OwnedFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.ok() || ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return PosixFailure(errno, "connect to " + path + " (does `vrapl-guest serve` run?)");
  }
  fd_ = std::move(fd);
  is_socket_ = true;
  is_tty_ = false;
  return "";
}

std::string LineSource::OpenPort(const std::string& path) {
  OwnedFd fd(::open(path.c_str(), O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
  if (!fd.ok()) {
    const int error = errno;
    if (error == EBUSY) return TakenBy(path);
    return PosixFailure(error,
                        "open " + path + (error == EACCES ? " (run as root, or join the group that may read it)" : ""));
  }
  // Readers of this program find each other so; others are found by virtio ports only, which the kernel opens once.
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) return TakenBy(path);
  is_tty_ = ::isatty(fd.get()) != 0;
  struct stat file {};
  is_file_ = ::fstat(fd.get(), &file) == 0 && S_ISREG(file.st_mode);
  is_socket_ = false;
  if (is_tty_) {
    if (std::string failure = MakeRaw(fd.get(), path); !failure.empty()) return failure;
  }
  fd_ = std::move(fd);
  return "";
}

void LineSource::Open(int64_t now_ns) {
  std::string failure;
  if (!options_.path.empty()) {
    path_ = options_.path;
    failure = IsSocket(path_) ? OpenSocket(path_) : OpenPort(path_);
  } else if (!options_.socket.empty() && IsSocket(options_.socket) && OpenSocket(options_.socket).empty()) {
    path_ = options_.socket;
  } else if (const FoundPort found = FindPort(options_.root); found.path.empty()) {
    failure = found.why;
  } else {
    path_ = found.path;
    failure = OpenPort(path_);
  }
  if (!failure.empty()) {
    Sleep(now_ns, std::move(failure), /*close=*/true);
    return;
  }
  trouble_.clear();
  opened_ns_ = now_ns;
  ++times_opened_;
}

void LineSource::Step(std::vector<ArrivedLine>& out) {
  int64_t now_ns = MonotonicNowNs();
  if (next_step_ns() != INT64_MAX && now_ns < next_step_ns()) return;
  if (!fd_.ok()) Open(now_ns);
  const bool was_asleep = asleep_;
  while (fd_.ok()) {
    std::array<char, 4096> bytes;
    const ssize_t got = ::read(fd_.get(), bytes.data(), bytes.size());
    const int error = errno;
    now_ns = MonotonicNowNs();
    if (got > 0) {
      if (asleep_) opened_ns_ = now_ns;
      asleep_ = false;
      trouble_.clear();
      std::vector<ReceivedGuestLine> lines;
      reader_.Feed({bytes.data(), static_cast<size_t>(got)}, lines);
      for (ReceivedGuestLine& received : lines) {
        out.push_back({.line = std::move(received.line),
                       .text = std::move(received.text),
                       .arrived_ns = now_ns,
                       .may_have_waited = !is_socket_ && now_ns - opened_ns_ < kMayHaveWaitedNs});
      }
      // One who floods must not keep the caller here for ever.
      if (static_cast<size_t>(got) < bytes.size() || out.size() >= 64) return;
      continue;
    }
    if (got < 0 && error == EINTR) continue;
    if (got < 0 && error == EAGAIN) {
      if (was_asleep) {
        asleep_ = false;
        trouble_.clear();
        opened_ns_ = now_ns;
      }
      return;
    }
    if (got == 0 && !is_tty_ && !is_socket_) {
      // A virtio port says so while nobody is connected on the host. It stays open: what the host sends next is not
      // lost.
      Sleep(now_ns,
            path_ + (is_file_ ? " is a file, and at its end; a port is a device, see vrapl-guest find"
                              : " is not connected on the host; does `vrapl serve` run there, and with this VM?"),
            false);
      return;
    }
    Sleep(now_ns, got == 0 ? path_ + " was closed" : PosixFailure(error, "read " + path_), true);
  }
}

Awaited AwaitLines(LineSource& source, int64_t deadline_ns, std::vector<ArrivedLine>& out, int also_fd) {
  const size_t before = out.size();
  const std::string trouble = source.trouble();
  while (true) {
    source.Step(out);
    if (out.size() > before) return Awaited::kLine;
    if (source.trouble() != trouble) return Awaited::kTrouble;
    const int64_t now_ns = MonotonicNowNs();
    if (now_ns >= deadline_ns) return Awaited::kTimeout;
    const int64_t until_ns = std::min(deadline_ns, source.next_step_ns());
    timespec wait{};
    if (until_ns != INT64_MAX) {
      const int64_t left_ns = std::max<int64_t>(0, until_ns - now_ns);
      wait = {.tv_sec = left_ns / 1'000'000'000, .tv_nsec = left_ns % 1'000'000'000};
    }
    pollfd fds[] = {{source.fd(), POLLIN, 0}, {also_fd, POLLIN, 0}};
    ::ppoll(fds, 2, until_ns == INT64_MAX ? nullptr : &wait, nullptr);
    if (fds[1].revents != 0) return Awaited::kOther;
  }
}

}  // namespace vrapl
