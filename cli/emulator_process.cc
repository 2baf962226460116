#include "cli/emulator_process.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/posix.h"

namespace vrapl {
namespace {

// Beside this program, where both are built and installed; else wherever the PATH has it.
std::string EmulatorProgram() {
  char self[4096];
  const ssize_t size = ::readlink("/proc/self/exe", self, sizeof self);
  if (size > 0) {
    const std::string path(self, static_cast<size_t>(size));
    const std::string beside = path.substr(0, path.rfind('/') + 1) + "vrapl-emulator";
    if (::access(beside.c_str(), X_OK) == 0) return beside;
  }
  return "vrapl-emulator";
}

}  // namespace

absl::StatusOr<std::unique_ptr<EmulatorProcess>> EmulatorProcess::Start(const std::vector<std::string>& arguments) {
  const char* base = std::getenv("TMPDIR");
  std::string directory = absl::StrCat(base == nullptr ? "/tmp" : base, "/vrapl-emulated-XXXXXX");
  if (::mkdtemp(directory.data()) == nullptr) {
    const int error = errno;
    return PosixError(error, absl::StrCat("make a directory for the emulated host, ", directory));
  }
  const std::string program = EmulatorProgram();
  std::vector<std::string> words = {program, "--mount", directory, "--die-with-parent"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);

  int pipe_ends[2];
  if (::pipe2(pipe_ends, O_CLOEXEC) != 0) {
    const int error = errno;
    return PosixError(error, "make a pipe to the emulator");
  }
  UniqueFd from_child(pipe_ends[0]);
  UniqueFd to_parent(pipe_ends[1]);
  const pid_t pid = ::fork();
  if (pid == 0) {
    // A group of its own: Ctrl-C is for us, and the counters must live until our last sample.
    ::setpgid(0, 0);
    ::dup2(to_parent.get(), STDOUT_FILENO);
    ::execvp(argv[0], argv.data());
    ::_exit(127);
  }
  to_parent.Reset();
  if (pid < 0) {
    const int error = errno;
    return PosixError(error, "start the emulator");
  }
  std::unique_ptr<EmulatorProcess> process(new EmulatorProcess(pid, directory));
  std::string said;
  char buffer[256];
  ssize_t size = 0;
  while (!absl::StrContains(said, '\n') && (size = ::read(from_child.get(), buffer, sizeof buffer)) > 0) {
    said.append(buffer, static_cast<size_t>(size));
  }
  if (!absl::StrContains(said, "ready")) {
    int status = 0;
    ::waitpid(pid, &status, 0);
    process->pid_ = 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127) {
      return absl::NotFoundError(
          "--emulate needs the program vrapl-emulator beside vrapl or on the PATH (it is built where libfuse3 is)");
    }
    return absl::UnavailableError("the emulator did not start; what it said stands above");
  }
  return process;
}

EmulatorProcess::~EmulatorProcess() {
  if (pid_ > 0) {
    ::kill(pid_, SIGTERM);
    ::waitpid(pid_, nullptr, 0);
  }
  ::rmdir(mount_.c_str());
}

}  // namespace vrapl
