#include "delivery/serial_port.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <limits>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "guest_line/guest_line.h"

namespace vrapl {
namespace {

constexpr int64_t kFirstPauseNs = 1 * kNanosPerSecond;
constexpr int64_t kLongestPauseNs = 30 * kNanosPerSecond;
constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
constexpr int kMostBites = 4;  // of 16 KiB: what one look drains of a guest that floods the port

// The slaves of Unix 98 ptys; the minor is the N of /dev/pts/N.
// Source: Linux Documentation/admin-guide/devices.txt; drivers/tty/pty.c,
// unix98_pty_init().
constexpr unsigned kPtySlaveMajor = 136;
bool IsPtySlave(dev_t device) { return major(device) == kPtySlaveMajor; }

// Writing to the terminal that this program itself was started from would
// garble it, and draining it would eat Ctrl-C.
bool IsOwnTerminal(dev_t device) {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    struct stat file;
    if (::isatty(fd) == 1 && ::fstat(fd, &file) == 0 && file.st_rdev == device) return true;
  }
  return false;
}

bool PeerIsGone(int fd) {
  pollfd end{.fd = fd, .events = 0, .revents = 0};
  return ::poll(&end, 1, 0) == 1 && (end.revents & (POLLHUP | POLLERR)) != 0;
}

absl::Status HungUp(const std::string& path) {
  return absl::UnavailableError(absl::StrCat(path, ": the VM has closed its end"));
}

}  // namespace

const char* OutcomeName(Outcome outcome) {
  switch (outcome) {
    case Outcome::kSent:
      return "sent";
    case Outcome::kSkippedUnread:
      return "skipped-unread";
    case Outcome::kNotConnected:
      return "not-connected";
    case Outcome::kError:
      return "error";
  }
  return "?";
}

SerialPort::SerialPort(PortAddress address, const Clock& clock, SerialPortOptions options)
    : options_(options), address_(std::move(address)), clock_(clock) {}

SerialPort::~SerialPort() { Close(); }

Outcome SerialPort::Write(absl::string_view line) {
  if (line.empty() || line.size() > kMaxGuestLine || line.find('\n') != line.size() - 1) {
    ++counters_.errors;
    last_error_ = absl::InvalidArgumentError(absl::StrCat("a line of ", line.size(), " bytes is not one line"));
    return Outcome::kError;
  }
  if (!fd_.ok()) {
    if (clock_.NowNs() < next_attempt_ns_) {
      ++counters_.not_connected;
      return Outcome::kNotConnected;
    }
    if (absl::Status status = Open(); !status.ok()) return Fail(std::move(status));
  }
  bool unread = last_line_ == LastLine::kUnread;
  if (last_line_ == LastLine::kNotLooked) {
    const absl::StatusOr<bool> seen = Unread();
    if (!seen.ok()) return Fail(seen.status());
    unread = *seen;
  }
  if (!unread) return Send(line);
  ++counters_.skipped_unread;
  ++skips_in_a_row_;
  return Outcome::kSkippedUnread;
}

void SerialPort::Look() {
  if (!fd_.ok()) return;
  if (absl::Status status = Drain(); !status.ok()) return Drop(std::move(status));
  if (last_line_ == LastLine::kTaken || !bounded())
    return;  // where it cannot be seen, libvirt's last word may be another by the next line
  const absl::StatusOr<bool> unread = Unread();
  if (!unread.ok()) return Drop(unread.status());
  last_line_ = !bounded() ? LastLine::kNotLooked : *unread ? LastLine::kUnread : LastLine::kTaken;
}

absl::Status SerialPort::Open() {
  absl::Status status = address_.type == PortType::kTcp ? OpenTcp() : OpenPath();
  if (!status.ok()) {
    Close();
    return status;
  }
  ++counters_.connections;
  sent_since_open_ = 0;
  mid_line_ = false;
  last_line_ = LastLine::kNotLooked;
  return absl::OkStatus();
}

absl::Status SerialPort::OpenTcp() {
  const absl::StatusOr<PortRegistry::Device> device = TcpPort::DeviceOf(address_.path);
  if (!device.ok()) return device.status();
  if (absl::Status status = Claim(*device); !status.ok()) return status;
  absl::StatusOr<TcpPort> tcp = TcpPort::Connect(address_.path);
  if (!tcp.ok()) return tcp.status();
  fd_ = tcp->TakeFd();
  kind_ = Kind::kTcp;
  tcp_ = *std::move(tcp);
  return absl::OkStatus();
}

absl::Status SerialPort::OpenPath() {
  struct stat file;
  if (::stat(address_.path.c_str(), &file) != 0) {
    const int error = errno;
    return PosixError(error, absl::StrCat("look at port ", address_.path));
  }
  if (S_ISSOCK(file.st_mode) && address_.type != PortType::kPty) return OpenSocket(file);
  if (S_ISCHR(file.st_mode) && address_.type != PortType::kUnixSocket) return OpenTerminal(file);
  return absl::InvalidArgumentError(absl::StrCat(address_.path, " is not ",
                                                 address_.type == PortType::kPty          ? "a pty"
                                                 : address_.type == PortType::kUnixSocket ? "a unix socket"
                                                                                          : "a unix socket or a pty"));
}

absl::Status SerialPort::Claim(const PortRegistry::Device& device) {
  if (options_.registry == nullptr) return absl::OkStatus();
  if (!options_.registry->Claim(device)) {
    return absl::AlreadyExistsError(absl::StrCat(address_.path, " is in use already, for this VM or another"));
  }
  device_ = device;
  return absl::OkStatus();
}

absl::Status SerialPort::OpenSocket(const struct stat& file) {
  if (absl::Status status = Claim({file.st_dev, file.st_ino}); !status.ok()) return status;
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  if (address_.path.size() >= sizeof name.sun_path) {
    return absl::InvalidArgumentError(absl::StrCat(address_.path, " is longer than the ", sizeof name.sun_path - 1,
                                                   " bytes that the path of a socket may have"));
  }
  std::memcpy(name.sun_path, address_.path.data(), address_.path.size());
  fd_ = UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd_.ok()) {
    const int error = errno;
    return PosixError(error, "make a unix socket");
  }
  kind_ = Kind::kSocket;
  if (::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0) {
    const int error = errno;
    // A socket that cannot queue one more caller says EAGAIN.
    return PosixError(error, absl::StrCat("connect to ", address_.path,
                                          error == EAGAIN         ? " (another program is connected to it)"
                                          : error == ECONNREFUSED ? " (the VM is gone)"
                                          : error == EACCES ? " (join the group that owns it, on Debian libvirt-qemu)"
                                                            : ""));
  }
  return absl::OkStatus();
}

absl::Status SerialPort::OpenTerminal(const struct stat& file) {
  const bool is_pty = IsPtySlave(file.st_rdev);
  if (address_.type == PortType::kPty && !is_pty) {
    return absl::InvalidArgumentError(absl::StrCat(address_.path, " is a device, but not a pty"));
  }
  if (IsOwnTerminal(file.st_rdev)) {
    return absl::InvalidArgumentError(absl::StrCat(address_.path, " is the terminal of this program, not a VM's port"));
  }
  // Two ptys never share a number, nor a number its device of sockets: those
  // have device 0 here.
  if (absl::Status status = Claim({std::numeric_limits<uint64_t>::max(), file.st_rdev}); !status.ok()) return status;
  fd_ = UniqueFd(::open(address_.path.c_str(), O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
  struct stat opened;
  if (!fd_.ok() || ::fstat(fd_.get(), &opened) != 0) {
    const int error = errno;
    return PosixError(error, absl::StrCat("open ", address_.path,
                                          error == EACCES ? " (a pty of QEMU needs root or CAP_DAC_OVERRIDE)" : ""));
  }
  kind_ = Kind::kTerminal;
  if (opened.st_rdev != file.st_rdev || ::isatty(fd_.get()) == 0) {
    return absl::InvalidArgumentError(absl::StrCat(address_.path, " is not a terminal"));
  }

  // While we hold it open the number cannot be given away, so what is found out
  // now stays true.
  if (is_pty && address_.owner > 0) {
    absl::StatusOr<PtyMaster> master = PtyMaster::Find(address_.owner, minor(file.st_rdev));
    if (master.ok()) {
      master_ = *std::move(master);
      hung_up_.reset();
    } else if (absl::IsNotFound(master.status())) {
      return absl::FailedPreconditionError(
          absl::StrCat(address_.path, " belongs to another program than the VM's process ", address_.owner));
    }
  }
  if (hung_up_ == file.st_rdev) {
    return absl::FailedPreconditionError(absl::StrCat(address_.path,
                                                      " was closed by the VM and may be another program's now; "
                                                      "not written to any more"));
  }

  termios settings;
  if (::tcgetattr(fd_.get(), &settings) == 0) {
    before_ = settings;
    ::cfmakeraw(&settings);
    ::tcsetattr(fd_.get(), TCSANOW, &settings);
  }
  return absl::OkStatus();
}

// What the guest sends is hostile, and mostly our own echo: read it, count it,
// forget it.
absl::Status SerialPort::Drain() {
  std::array<char, 16384> bite;
  for (int i = 0; i < kMostBites; ++i) {
    const ssize_t size = ::read(fd_.get(), bite.data(), bite.size());
    if (size > 0) {
      counters_.bytes_discarded += static_cast<uint64_t>(size);
      continue;
    }
    const int error = errno;
    if (size == 0 && kind_ == Kind::kTerminal && !PeerIsGone(fd_.get())) break;  // it reads 0 for "nothing" too
    if (size == 0) return HungUp(address_.path);
    if (error == EINTR) continue;
    if (error == EAGAIN) break;
    // A pty whose master is closed says EIO, a socket ECONNRESET.
    return error == EIO || error == ECONNRESET ? HungUp(address_.path)
                                               : PosixError(error, absl::StrCat("read ", address_.path));
  }
  return absl::OkStatus();
}

// True while the last line has not been taken.
absl::StatusOr<bool> SerialPort::Unread() {
  if (kind_ == Kind::kSocket) {
    int unread = 0;
    if (::ioctl(fd_.get(), SIOCOUTQ, &unread) != 0) {
      const int error = errno;
      return PosixError(error, absl::StrCat("ask what is unread in ", address_.path));
    }
    return unread > 0;
  }
  if (tcp_.has_value()) {
    const std::optional<int> unread = tcp_->Unread(fd_.get());
    if (unread.has_value()) return *unread > 0;
    tcp_.reset();  // its end is not of this network namespace, or gone: the next line tells
  }
  if (master_.has_value()) {
    const std::optional<int> unread = master_->Unread();
    if (unread.has_value()) return *unread > 0;
    master_.reset();  // not permitted, after all: as without it
  }
  return address_.guest_open == false;
}

Outcome SerialPort::Send(absl::string_view line) {
  std::string before;
  if (mid_line_) before = "\n";
  // Only our own lines may have comments between them.
  const bool explained = absl::StartsWith(line, {kGuestLineMagic.data(), kGuestLineMagic.size()});
  if (explained && options_.explain_every > 0 &&
      sent_since_open_ % static_cast<uint64_t>(options_.explain_every) == 0) {
    absl::StrAppend(&before, GuestLineComment());
  }
  const std::string whole = before.empty() ? "" : absl::StrCat(before, line);
  const absl::string_view text = before.empty() ? line : absl::string_view(whole);
  last_line_ = LastLine::kNotLooked;
  const ssize_t size = kind_ != Kind::kTerminal
                           ? ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT)
                           : ::write(fd_.get(), text.data(), text.size());
  if (size < 0) {
    const int error = errno;
    if (error == EAGAIN) {
      ++counters_.skipped_unread;
      ++skips_in_a_row_;
      return Outcome::kSkippedUnread;
    }
    return Fail(error == EIO || error == EPIPE || error == ECONNRESET
                    ? HungUp(address_.path)
                    : PosixError(error, absl::StrCat("write ", address_.path)));
  }
  if (size < static_cast<ssize_t>(text.size())) {
    // Its tail would be old news by the time there is room. The next write ends
    // the line, and the CRC condemns it.
    mid_line_ = size > 0 && text[static_cast<size_t>(size) - 1] != '\n';
    ++counters_.broken_lines;
    ++counters_.skipped_unread;
    ++skips_in_a_row_;
    return Outcome::kSkippedUnread;
  }
  mid_line_ = false;
  ++sent_since_open_;
  ++counters_.sent;
  skips_in_a_row_ = 0;
  pause_ns_ = 0;
  if (!last_error_.ok()) last_error_ = absl::OkStatus();
  return Outcome::kSent;
}

Outcome SerialPort::Fail(absl::Status status) {
  Drop(std::move(status));
  if (absl::IsNotFound(last_error_) || absl::IsUnavailable(last_error_)) {
    ++counters_.not_connected;
    return Outcome::kNotConnected;
  }
  ++counters_.errors;
  return Outcome::kError;
}

void SerialPort::Drop(absl::Status status) {
  if (fd_.ok() && kind_ == Kind::kTerminal) {
    struct stat file;
    if (::fstat(fd_.get(), &file) == 0) hung_up_ = file.st_rdev;
  }
  Close();
  last_error_ = std::move(status);
  const int64_t now_ns = clock_.NowNs();
  pause_ns_ = std::clamp(2 * pause_ns_, kFirstPauseNs, kLongestPauseNs);
  next_attempt_ns_ = absl::IsUnimplemented(last_error_) ? kNever : now_ns + pause_ns_;
}

void SerialPort::Close() {
  if (fd_.ok() && kind_ == Kind::kTerminal) {
    // A real serial line would keep close() waiting until everything is sent.
    if (struct stat file; ::fstat(fd_.get(), &file) == 0 && !IsPtySlave(file.st_rdev)) {
      ::tcflush(fd_.get(), TCOFLUSH);
    }
    if (before_.has_value()) ::tcsetattr(fd_.get(), TCSANOW, &*before_);
  }
  fd_.Reset();
  master_.reset();
  tcp_.reset();
  before_.reset();
  if (device_.has_value()) options_.registry->Release(*std::exchange(device_, std::nullopt));
}

}  // namespace vrapl
