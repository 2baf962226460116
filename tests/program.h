// A program under test, with its output in pipes.
#pragma once

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/posix.h"

namespace vrapl {

struct Ended {
  int code = -1;  // exit code, or 128 + the signal
  std::string out;
  std::string err;
};

struct ProgramOptions {
  bool no_privileges = false;  // of root too: every capability is dropped
  std::string temp_dir;        // TMPDIR, when not ""
  // Of the user nobody, with these capabilities, which no program it starts can have more of, and with the limits that
  // a user has: no real-time priority, little memory to lock.
  std::optional<std::vector<int>> as_nobody_with;
};

class Program {
 public:
  explicit Program(std::vector<std::string> arguments, const ProgramOptions& options = {}) {
    int out[2];
    int err[2];
    if (::pipe2(out, O_CLOEXEC) != 0 || ::pipe2(err, O_CLOEXEC) != 0) return;
    pid_ = ::fork();
    if (pid_ == 0) {
      // Whatever started the tests may ignore signals (nohup, a shell's background) or hold them back.
      for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
      sigset_t none;
      ::sigemptyset(&none);
      ::sigprocmask(SIG_SETMASK, &none, nullptr);
      ::dup2(out[1], STDOUT_FILENO);
      ::dup2(err[1], STDERR_FILENO);
      if (!options.temp_dir.empty()) ::setenv("TMPDIR", options.temp_dir.c_str(), 1);
      // The way to the program may be closed to others than root: it is opened before.
      const int program = options.as_nobody_with ? ::open(arguments[0].c_str(), O_RDONLY | O_CLOEXEC) : -1;
      if (options.no_privileges) DropCapabilities();
      if (options.as_nobody_with && !BecomeNobodyWith(*options.as_nobody_with)) ::_exit(126);
      std::vector<char*> argv;
      for (std::string& argument : arguments) argv.push_back(argument.data());
      argv.push_back(nullptr);
      if (program >= 0) ::fexecve(program, argv.data(), environ);
      ::execv(argv[0], argv.data());
      ::_exit(127);
    }
    ::close(out[1]);
    ::close(err[1]);
    out_ = UniqueFd(out[0]);
    err_ = UniqueFd(err[0]);
  }
  ~Program() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGTERM);
    (void)Wait();
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  // The next line on stdout, without its end; "" when there is none.
  std::string ReadLine() {
    std::string line;
    char c = 0;
    while (::read(out_.get(), &c, 1) == 1 && c != '\n') line += c;
    return line;
  }
  void CloseOutput() { out_.Reset(); }
  void Signal(int number) const { ::kill(pid_, number); }
  pid_t pid() const { return pid_; }

  // Until it has ended and everybody has closed its output.
  Ended Wait() {
    Ended ended;
    ended.out = ReadAll(out_);
    ended.err = ReadAll(err_);
    int status = 0;
    ::waitpid(std::exchange(pid_, -1), &status, 0);
    ended.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return ended;
  }

 private:
  // From the bounding set, so that even root's program starts without; the right to do so goes last.
  static void DropCapabilities() {
    for (int capability = 0; capability < 64; ++capability) {
      if (capability != CAP_SETPCAP) ::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
    }
    ::prctl(PR_CAPBSET_DROP, CAP_SETPCAP, 0, 0, 0);
  }
  static bool BecomeNobodyWith(const std::vector<int>& capabilities) {
    constexpr uid_t kNobody = 65534;
    __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    __user_cap_data_struct data[2] = {};
    for (const int capability : capabilities) {
      __user_cap_data_struct& word = data[CAP_TO_INDEX(capability)];
      word.effective = word.permitted = word.inheritable |= CAP_TO_MASK(capability);
    }
    for (int capability = 0; capability < 64; ++capability) {
      const bool keep = std::find(capabilities.begin(), capabilities.end(), capability) != capabilities.end();
      if (!keep && capability != CAP_SETPCAP) ::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
    }
    if (::prctl(PR_CAPBSET_DROP, CAP_SETPCAP, 0, 0, 0) != 0) return false;
    const rlimit no_priority = {.rlim_cur = 0, .rlim_max = 0};
    const rlimit little_memory = {.rlim_cur = 65536, .rlim_max = 65536};
    if (::setrlimit(RLIMIT_RTPRIO, &no_priority) != 0 || ::setrlimit(RLIMIT_MEMLOCK, &little_memory) != 0) return false;
    if (::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0 || ::setgroups(0, nullptr) != 0) return false;
    if (::setresgid(kNobody, kNobody, kNobody) != 0 || ::setresuid(kNobody, kNobody, kNobody) != 0) return false;
    if (::syscall(SYS_capset, &header, data) != 0) return false;
    for (const int capability : capabilities) {
      if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) != 0) return false;
    }
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
  }
  static std::string ReadAll(const UniqueFd& fd) {
    std::string text;
    std::array<char, 4096> block;
    for (ssize_t size = 0; (size = ::read(fd.get(), block.data(), block.size())) > 0;) {
      text.append(block.data(), static_cast<size_t>(size));
    }
    return text;
  }

  pid_t pid_ = -1;
  UniqueFd out_;
  UniqueFd err_;
};

}  // namespace vrapl
