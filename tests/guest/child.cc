#include "tests/guest/child.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/clock.h"

namespace vrapl {

Child::Child(std::vector<std::string> words) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return;
  out_ = UniqueFd(ends[0]);
  const UniqueFd child_end(ends[1]);
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_ = ::fork();
  if (pid_ == 0) {
    ::dup2(child_end.get(), STDOUT_FILENO);
    ::execvp(argv[0], argv.data());
    ::_exit(127);
  }
  reader_ = std::thread([this] { Read(); });
}

Child::~Child() {
  if (pid_ > 0 && code_ < 0) {
    Signal(SIGTERM);
    std::unique_lock<std::mutex> lock(mutex_);
    if (!changed_.wait_for(lock, std::chrono::seconds(20), [this] { return closed_; })) Signal(SIGKILL);
    lock.unlock();
    (void)Wait();
  }
  if (reader_.joinable()) reader_.join();
}

void Child::Read() {
  std::string pending;
  char block[65536];
  for (;;) {
    const ssize_t size = ::read(out_.get(), block, sizeof block);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) break;
    const int64_t now_ns = MonotonicNs();
    pending.append(block, static_cast<size_t>(size));
    const std::lock_guard<std::mutex> lock(mutex_);
    for (size_t end = 0; (end = pending.find('\n')) != std::string::npos; pending.erase(0, end + 1)) {
      lines_.push_back({.text = pending.substr(0, end), .arrived_ns = now_ns});
    }
    changed_.notify_all();
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!pending.empty()) lines_.push_back({.text = std::move(pending), .arrived_ns = MonotonicNs()});
  closed_ = true;
  changed_.notify_all();
}

std::vector<Child::Line> Child::lines() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return lines_;
}

bool Child::AwaitLines(size_t count, absl::Duration timeout) {
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait_for(lock, absl::ToChronoMilliseconds(timeout), [&] { return closed_ || lines_.size() >= count; });
  return lines_.size() >= count;
}

void Child::Signal(int number) const {
  if (pid_ > 0 && code_ < 0) ::kill(pid_, number);
}

int Child::Wait() {
  if (reader_.joinable()) reader_.join();
  if (pid_ > 0 && code_ < 0) {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  return code_;
}

absl::StatusOr<std::string> OutputOf(const std::vector<std::string>& words) {
  Child child(words);
  const int code = child.Wait();
  const std::string output = absl::StrJoin(
      child.lines(), "\n", [](std::string* out, const Child::Line& line) { absl::StrAppend(out, line.text); });
  if (code == 0) return output;
  return absl::InternalError(absl::StrCat("`", absl::StrJoin(words, " "), "` exited with ", code, ": ", output));
}

}  // namespace vrapl
