#include "cli/emulator_process.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
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

struct Pipe {
  UniqueFd read_end;
  UniqueFd write_end;
};

absl::StatusOr<Pipe> MakePipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    const int error = errno;
    return PosixError(error, "make a pipe to the emulator");
  }
  return Pipe{.read_end = UniqueFd(ends[0]), .write_end = UniqueFd(ends[1])};
}

// Appends what comes next; false when nobody can write any more. A signal is no end: it is a wish of ours to end, and
// heard when the emulator runs.
bool ReadSome(const UniqueFd& fd, std::string& text) {
  char buffer[512];
  ssize_t size = 0;
  do {
    size = ::read(fd.get(), buffer, sizeof buffer);
  } while (size < 0 && errno == EINTR);
  if (size <= 0) return false;
  text.append(buffer, static_cast<size_t>(size));
  return true;
}

// Why the emulator ended before it was ready: `said` is its stderr, the last line of which is the reason.
absl::Status ExplainEnd(int status, absl::string_view said) {
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  if (code == 127) {
    return absl::NotFoundError(
        "--emulate needs the program vrapl-emulator beside vrapl or on the PATH (it is built where libfuse3 is)");
  }
  const std::vector<absl::string_view> lines = absl::StrSplit(said, '\n', absl::SkipWhitespace());
  absl::string_view reason = lines.empty() ? "the emulator ended before it was ready" : lines.back();
  absl::ConsumePrefix(&reason, "vrapl-emulator: ");
  const std::string message = absl::StrCat("--emulate: ", reason);
  return code == 2 ? absl::InvalidArgumentError(message) : absl::UnavailableError(message);
}

}  // namespace

absl::StatusOr<std::unique_ptr<EmulatorProcess>> EmulatorProcess::Start(const std::vector<std::string>& arguments) {
  const char* base = std::getenv("TMPDIR");
  absl::StatusOr<std::unique_ptr<EmulatorDirectory>> directory =
      EmulatorDirectory::Create(base == nullptr ? "/tmp" : base);
  if (!directory.ok()) return directory.status();
  std::unique_ptr<EmulatorProcess> process(new EmulatorProcess(*std::move(directory)));
  const std::string program = EmulatorProgram();
  std::vector<std::string> words = {program, "--mount", process->host_root(), "--die-with-parent"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);

  absl::StatusOr<Pipe> out = MakePipe();
  if (!out.ok()) return out.status();
  absl::StatusOr<Pipe> err = MakePipe();
  if (!err.ok()) return err.status();
  const pid_t pid = ::fork();
  if (pid == 0) {
    // A group of its own: Ctrl-C is for us, and the counters must live until our last sample.
    ::setpgid(0, 0);
    ::dup2(out->write_end.get(), STDOUT_FILENO);
    ::dup2(err->write_end.get(), STDERR_FILENO);
    ::execvp(argv[0], argv.data());
    ::_exit(127);
  }
  out->write_end.Reset();
  err->write_end.Reset();
  if (pid < 0) {
    const int error = errno;
    return PosixError(error, "start the emulator");
  }
  process->pid_ = pid;
  std::string said;
  while (!absl::StrContains(said, '\n') && ReadSome(out->read_end, said)) {
  }
  if (!absl::StrContains(said, "ready")) {
    std::string why;
    while (ReadSome(err->read_end, why)) {
    }
    int status = 0;
    ::waitpid(pid, &status, 0);
    process->pid_ = 0;
    return ExplainEnd(status, why);
  }
  // What it has to say while it runs, a person may want to know.
  process->relay_ = std::thread([from = std::move(err->read_end)] {
    for (std::string text; ReadSome(from, text); text.clear()) std::fputs(text.c_str(), stderr);
  });
  return process;
}

EmulatorProcess::~EmulatorProcess() {
  if (pid_ > 0) {
    ::kill(pid_, SIGTERM);
    ::waitpid(pid_, nullptr, 0);
  }
  if (relay_.joinable()) relay_.join();
}

}  // namespace vrapl
