#include "sampler/mark_socket.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/clock.h"
#include "base/host_root.h"

namespace vrapl {
namespace {

constexpr char kRootDirectory[] = "/run/vrapl";
constexpr char kMagic[] = "VRAPL-MARK 1 ";
constexpr char kSuffix[] = ".sock";
// A stamp older than this is no mark of now; one from the future is none at all.
constexpr int64_t kOldestNs = 10 * kNanosPerSecond;

std::string SocketPath(const std::string& directory, pid_t pid) { return absl::StrCat(directory, "/", pid, kSuffix); }

std::optional<sockaddr_un> Address(const std::string& path) {
  sockaddr_un address{.sun_family = AF_UNIX};
  if (path.size() >= sizeof address.sun_path) return std::nullopt;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

std::optional<std::string> OwnRuntimeDirectory() {
  const char* base = std::getenv("XDG_RUNTIME_DIR");
  if (base == nullptr || base[0] != '/') return std::nullopt;
  return absl::StrCat(base, "/vrapl");
}

bool Runs(pid_t pid) { return ::kill(pid, 0) == 0 || errno == EPERM; }

}  // namespace

std::string MarkDirectory() {
  if (::geteuid() == 0) return kRootDirectory;
  return OwnRuntimeDirectory().value_or("");
}

std::vector<std::string> MarkDirectories() {
  std::vector<std::string> directories = {kRootDirectory};
  if (std::optional<std::string> own = OwnRuntimeDirectory()) directories.push_back(*std::move(own));
  return directories;
}

std::string FormatMark(const Mark& mark) { return absl::StrCat(kMagic, mark.t_ns, " ", mark.label); }

absl::StatusOr<Mark> ParseMark(absl::string_view datagram) {
  Mark mark;
  if (!absl::ConsumePrefix(&datagram, kMagic)) return absl::InvalidArgumentError("not a mark");
  const size_t space = datagram.find(' ');
  if (space == absl::string_view::npos || !absl::SimpleAtoi(datagram.substr(0, space), &mark.t_ns)) {
    return absl::InvalidArgumentError("a mark without its time");
  }
  mark.label = std::string(datagram.substr(space + 1));
  if (absl::Status status = CheckLabel(mark.label); !status.ok()) return status;
  return mark;
}

std::vector<pid_t> ListeningProcesses(const std::string& directory) {
  std::vector<pid_t> processes;
  for (const std::string& name : ListDirectory(directory).value_or(std::vector<std::string>())) {
    absl::string_view number = name;
    pid_t pid = 0;
    if (!absl::ConsumeSuffix(&number, kSuffix) || !absl::SimpleAtoi(number, &pid) || pid <= 0) continue;
    if (Runs(pid)) {
      processes.push_back(pid);
    } else {
      ::unlink(SocketPath(directory, pid).c_str());
    }
  }
  std::sort(processes.begin(), processes.end());
  return processes;
}

absl::Status SendMark(const std::string& directory, pid_t pid, const Mark& mark) {
  const std::string path = SocketPath(directory, pid);
  const std::optional<sockaddr_un> address = Address(path);
  if (!address) return absl::InvalidArgumentError(absl::StrCat(path, ": the path is too long for a socket"));
  const UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const std::string text = FormatMark(mark);
  const ssize_t sent = ::sendto(socket.get(), text.data(), text.size(), MSG_DONTWAIT,
                                reinterpret_cast<const sockaddr*>(&*address), sizeof *address);
  if (sent == static_cast<ssize_t>(text.size())) return absl::OkStatus();
  const int error = errno;
  if (error == ECONNREFUSED || error == ENOENT) {
    // Nobody has it open: a program that was killed left it, and the number is another's now.
    if (error == ECONNREFUSED) ::unlink(path.c_str());
    return absl::NotFoundError(absl::StrCat("process ", pid, " does not listen for marks"));
  }
  if (error == EACCES || error == EPERM) {
    return absl::PermissionDeniedError(
        absl::StrCat("the vrapl of process ", pid, " belongs to another user (run this as that user, or as root)"));
  }
  return PosixError(error, absl::StrCat("send a mark to ", path));
}

MarkListener::MarkListener(MarkQueue& queue, std::string path, UniqueFd socket, UniqueFd stop)
    : queue_(queue), path_(std::move(path)), socket_(std::move(socket)), stop_(std::move(stop)) {
  thread_ = std::thread([this] { Listen(); });
}

absl::StatusOr<std::unique_ptr<MarkListener>> MarkListener::Create(const std::string& directory, MarkQueue& queue) {
  if (directory.empty()) {
    return absl::NotFoundError("listen for marks: neither root nor XDG_RUNTIME_DIR, so there is no place for a socket");
  }
  if (::mkdir(directory.c_str(), 0755) != 0 && errno != EEXIST) {
    const int error = errno;
    return PosixError(error, absl::StrCat("listen for marks: make ", directory));
  }
  ListeningProcesses(directory);  // removes what others left
  const std::string path = SocketPath(directory, ::getpid());
  const std::optional<sockaddr_un> address = Address(path);
  if (!address) return absl::InvalidArgumentError(absl::StrCat(path, ": the path is too long for a socket"));
  ::unlink(path.c_str());  // of a process that had our number
  UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  UniqueFd stop(::eventfd(0, EFD_CLOEXEC));
  if (!socket.ok() || !stop.ok()) {
    const int error = errno;
    return PosixError(error, "listen for marks: make a socket");
  }
  // On Linux the file takes the mode of the socket at bind(): never open to others, not for a moment.
  if (::fchmod(socket.get(), 0600) != 0 ||
      ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0) {
    const int error = errno;
    return PosixError(error, absl::StrCat("listen for marks: make ", path));
  }
  return std::unique_ptr<MarkListener>(new MarkListener(queue, path, std::move(socket), std::move(stop)));
}

MarkListener::~MarkListener() {
  const uint64_t one = 1;
  if (::write(stop_.get(), &one, sizeof one) == sizeof one) thread_.join();
  ::unlink(path_.c_str());
}

void MarkListener::Listen() {
  for (;;) {
    pollfd ready[] = {{.fd = stop_.get(), .events = POLLIN, .revents = 0},
                      {.fd = socket_.get(), .events = POLLIN, .revents = 0}};
    if (::poll(ready, 2, -1) < 0 && errno != EINTR) return;
    // What had arrived is taken before the end.
    char text[sizeof kMagic + kMaxLabelBytes + 64];
    ssize_t size = 0;
    while ((size = ::recv(socket_.get(), text, sizeof text, MSG_DONTWAIT | MSG_TRUNC)) >= 0) {
      absl::StatusOr<Mark> mark = absl::InvalidArgumentError("too long");
      if (size <= static_cast<ssize_t>(sizeof text)) mark = ParseMark({text, static_cast<size_t>(size)});
      const int64_t now_ns = MonotonicNs();
      if (mark.ok() && mark->t_ns <= now_ns && mark->t_ns >= now_ns - kOldestNs) {
        queue_.Push(*std::move(mark));
      } else {
        ++refused_;
      }
    }
    if (ready[0].revents != 0) return;
  }
}

}  // namespace vrapl
