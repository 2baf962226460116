// serve: one reader of the port, and whoever wants the lines.
#include <sys/mount.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>

#include "guest/line_server.h"
#include "guest/publication.h"
#include "guest/verbs.h"

namespace vrapl {
namespace {

constexpr char kKernelPowercap[] = "/sys/class/powercap";
constexpr int64_t kLeastStaleNs = 10'000'000'000;

// "" or what is wrong. Tools with a fixed path find the tree there then.
std::string Mount(const std::string& tree) {
  if (::access((std::string(kKernelPowercap) + "/intel-rapl:0").c_str(), F_OK) == 0) {
    return std::string(kKernelPowercap) + " has a package of the kernel's own, which is not hidden; do without --mount";
  }
  if (::access(kKernelPowercap, F_OK) != 0) {
    return std::string("this kernel has no ") + kKernelPowercap + " (CONFIG_POWERCAP) to mount on; do without --mount";
  }
  if (::mount(tree.c_str(), kKernelPowercap, nullptr, MS_BIND, nullptr) != 0) {
    return PosixFailure(errno, std::string("mount the tree on ") + kKernelPowercap + " (needs root)");
  }
  return "";
}

class Server {
 public:
  explicit Server(const GuestOptions& options)
      : options_(options),
        source_(SourceOf(options)),
        publication_({.directory = options.directory,
                      .textfile = options.textfile,
                      .mode = options.mode,
                      .max_energy_range_uj = options.max_energy_range_uj}) {}

  std::string Begin() {
    if (std::string failure = MakeDirectories(options_.directory); !failure.empty()) return failure;
    // Before anything is published: two that write the same files are kept apart by the socket.
    const mode_t connect = (options_.mode & 0444) | (options_.mode & 0444) >> 1;
    if (std::string failure = readers_.Listen(options_.directory + "/socket", connect); !failure.empty())
      return failure;
    if (std::string failure = publication_.Begin(); !failure.empty()) return failure;
    if (options_.mount) {
      if (std::string failure = Mount(publication_.powercap()); !failure.empty()) return failure;
      mounted_ = true;
    }
    sigset_t ends;
    ::sigemptyset(&ends);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) ::sigaddset(&ends, signal);
    ::sigprocmask(SIG_BLOCK, &ends, nullptr);
    signals_.Reset(::signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK));
    return "";
  }

  void Loop() {
    while (true) {
      std::vector<ArrivedLine> lines;
      source_.Step(lines);
      teller_.Tell(source_);
      for (const ArrivedLine& arrived : lines) Publish(arrived);
      const int64_t now_ns = MonotonicNowNs();
      if (now_ns >= stale_ns_) {
        newest_.clear();
        stale_ns_ = INT64_MAX;
        Complain(publication_.TellStale(source_.reader()));
        std::fprintf(stderr, "vrapl-guest: no line has come for a while; energy_uj is taken away until one does\n");
      }
      readers_.Step(newest_);

      std::vector<pollfd> fds = {{signals_.get(), POLLIN, 0}, {source_.fd(), POLLIN, 0}};
      readers_.AddTo(fds);
      const int64_t until_ns = std::min(stale_ns_, source_.next_step_ns());
      const int64_t left_ns = std::max<int64_t>(0, until_ns - MonotonicNowNs());
      const timespec wait = {.tv_sec = left_ns / 1'000'000'000, .tv_nsec = left_ns % 1'000'000'000};
      ::ppoll(fds.data(), fds.size(), until_ns == INT64_MAX ? nullptr : &wait, nullptr);
      if (fds[0].revents != 0) return;
    }
  }

  void End() {
    if (mounted_) ::umount2(kKernelPowercap, MNT_DETACH);
    publication_.End();
  }

 private:
  void Publish(const ArrivedLine& arrived) {
    bool news = false;
    Complain(publication_.Take(arrived, source_.reader(), &news));
    if (!news) return;
    newest_ = arrived.text + "\n";
    readers_.Send(newest_);
    stale_ns_ = arrived.arrived_ns + std::max(kLeastStaleNs, 3 * arrived.line.dt_us * 1000);
  }

  // Once per kind: a full disk would say the same every two seconds.
  void Complain(const std::string& failure) {
    if (failure != complaint_ && !failure.empty()) std::fprintf(stderr, "vrapl-guest: %s\n", failure.c_str());
    complaint_ = failure;
  }

  const GuestOptions& options_;
  LineSource source_;
  Publication publication_;
  LineServer readers_;
  TroubleTeller teller_;
  OwnedFd signals_;
  std::string newest_;  // "": none, or none that is fresh
  std::string complaint_;
  int64_t stale_ns_ = INT64_MAX;
  bool mounted_ = false;
};

}  // namespace

int Serve(const GuestOptions& options) {
  Server server(options);
  if (const std::string failure = server.Begin(); !failure.empty()) {
    std::fprintf(stderr, "vrapl-guest: %s\n", failure.c_str());
    return 1;
  }
  server.Loop();
  server.End();
  return 0;
}

}  // namespace vrapl
