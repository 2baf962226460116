#include "bench/port_readers.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "absl/strings/str_cat.h"

namespace vrapl {
namespace {

constexpr uint64_t kControl = ~uint64_t{0};

struct End {
  GuestEnd kind;
  UniqueFd listener;
  UniqueFd connection;
};

absl::StatusOr<UniqueFd> Listen(const std::string& path) {
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  if (!fd.ok() || ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(fd.get(), 1) != 0) {
    const int error = errno;
    return PosixError(error, absl::StrCat("listen on ", path));
  }
  return fd;
}

// The process that plays the guests. It leaves when the other end of `control` does.
class Guests {
 public:
  Guests(std::vector<End> ends, int control, ReaderTurn turn)
      : ends_(std::move(ends)), control_(control), turn_(turn), epoll_(::epoll_create1(0)) {
    Watch(control_, kControl, EPOLLIN);
    for (size_t i = 0; i < ends_.size(); ++i) Watch(ends_[i].listener.get(), i, EPOLLIN);
  }

  void Run() {
    std::array<epoll_event, 256> events;
    for (;;) {
      const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < count; ++i) {
        const uint64_t which = events[static_cast<size_t>(i)].data.u64;
        if (which != kControl) {
          Serve(ends_[which]);
          continue;
        }
        char asked = 0;
        if (::read(control_, &asked, 1) != 1) return;
        for (End& end : ends_) Serve(end);
        if (::write(control_, &asked, 1) != 1) return;
      }
    }
  }

 private:
  void Watch(int fd, uint64_t which, uint32_t what) const {
    epoll_event event{.events = what, .data = {.u64 = which}};
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
  }

  void Serve(End& end) {
    if (!end.connection.ok()) {
      end.connection = UniqueFd(::accept4(end.listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (!end.connection.ok()) return;
      end.listener.Reset();
      if (turn_ == ReaderTurn::kAtOnce && end.kind != GuestEnd::kStalls) {
        // Edge-triggered, or an empty queue would be told for ever.
        Watch(end.connection.get(), static_cast<uint64_t>(&end - ends_.data()),
              EPOLLIN | EPOLLET | (end.kind == GuestEnd::kFloods ? EPOLLOUT : 0U));
      }
    }
    if (end.kind == GuestEnd::kStalls) return;
    while (::read(end.connection.get(), buffer_.data(), buffer_.size()) > 0) {
    }
    if (end.kind != GuestEnd::kFloods) return;
    while (::send(end.connection.get(), buffer_.data(), buffer_.size(), MSG_NOSIGNAL | MSG_DONTWAIT) > 0) {
    }
  }

  std::vector<End> ends_;
  const int control_;
  const ReaderTurn turn_;
  const UniqueFd epoll_;
  std::array<char, 16384> buffer_{};
};

}  // namespace

absl::StatusOr<std::unique_ptr<PortReaders>> PortReaders::Start(const std::string& directory,
                                                                const std::vector<GuestEnd>& ends, ReaderTurn turn) {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);

  std::vector<std::string> paths;
  std::vector<End> listening;
  for (const GuestEnd kind : ends) {
    paths.push_back(absl::StrCat(directory, "/", paths.size()));
    absl::StatusOr<UniqueFd> listener = Listen(paths.back());
    if (!listener.ok()) return listener.status();
    listening.push_back({.kind = kind, .listener = *std::move(listener), .connection = UniqueFd()});
  }
  int control[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control) != 0) {
    const int error = errno;
    return PosixError(error, "make a pair of sockets");
  }
  UniqueFd ours(control[0]);
  UniqueFd theirs(control[1]);
  const pid_t child = ::fork();
  if (child < 0) {
    const int error = errno;
    return PosixError(error, "fork");
  }
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ours.Reset();
    Guests(std::move(listening), theirs.get(), turn).Run();
    ::_exit(0);
  }
  return std::unique_ptr<PortReaders>(new PortReaders(std::move(paths), std::move(ours), child));
}

PortReaders::~PortReaders() {
  control_.Reset();
  ::waitpid(child_, nullptr, 0);
  for (const std::string& path : paths_) ::unlink(path.c_str());
}

absl::Status PortReaders::ReadAll() {
  char word = 'r';
  if (::write(control_.get(), &word, 1) != 1 || ::read(control_.get(), &word, 1) != 1) {
    return absl::InternalError("the process that reads has ended");
  }
  return absl::OkStatus();
}

}  // namespace vrapl
