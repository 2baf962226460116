#include "cli/stdout_relay.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/clock.h"

namespace vrapl {
namespace {

constexpr size_t kLongestLine = 4096;  // of a longer one the first part is looked at

bool WriteAll(int fd, absl::string_view text) {
  while (!text.empty()) {
    const ssize_t size = ::write(fd, text.data(), text.size());
    if (size < 0 && errno == EAGAIN) {
      pollfd writable{.fd = fd, .events = POLLOUT, .revents = 0};
      ::poll(&writable, 1, -1);
    } else if (size < 0 && errno != EINTR) {
      return false;
    } else if (size > 0) {
      text.remove_prefix(static_cast<size_t>(size));
    }
  }
  return true;
}

}  // namespace

absl::StatusOr<std::unique_ptr<LinePattern>> LinePattern::Create(const std::string& text) {
  std::unique_ptr<LinePattern> pattern(new LinePattern());
  if (const int error = ::regcomp(&pattern->regex_, text.c_str(), REG_EXTENDED); error != 0) {
    char what[256];
    ::regerror(error, &pattern->regex_, what, sizeof what);
    pattern->regex_ = {};
    return absl::InvalidArgumentError(
        absl::StrCat("--mark-regex=", text, ": ", what, " (an expression as `grep -E` takes it is wanted)"));
  }
  return pattern;
}

std::optional<std::string> LinePattern::Label(absl::string_view line) const {
  const std::string text(line.substr(0, line.find('\0')));
  std::array<regmatch_t, 2> found;
  if (::regexec(&regex_, text.c_str(), found.size(), found.data(), 0) != 0) return std::nullopt;
  const regmatch_t& part = found[1].rm_so >= 0 ? found[1] : found[0];
  std::string label = MakeLabel(
      absl::string_view(text).substr(static_cast<size_t>(part.rm_so), static_cast<size_t>(part.rm_eo - part.rm_so)));
  if (label.empty()) return std::nullopt;
  return label;
}

absl::StatusOr<std::unique_ptr<StdoutRelay>> StdoutRelay::Start(const LinePattern& pattern, MarkQueue& marks,
                                                                int out_fd) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    const int error = errno;
    return PosixError(error, "make a pipe for the command's stdout");
  }
  return std::unique_ptr<StdoutRelay>(new StdoutRelay(pattern, marks, out_fd, UniqueFd(ends[0]), UniqueFd(ends[1])));
}

StdoutRelay::StdoutRelay(const LinePattern& pattern, MarkQueue& marks, int out_fd, UniqueFd read, UniqueFd write)
    : pattern_(pattern), marks_(marks), out_fd_(out_fd), read_(std::move(read)), write_(std::move(write)) {
  ::fcntl(read_.get(), F_SETFL, O_NONBLOCK);
  thread_ = std::thread([this] { Copy(); });
}

StdoutRelay::~StdoutRelay() { Finish(); }

void StdoutRelay::Finish() {
  write_.Reset();
  finish_ = true;
  if (thread_.joinable()) thread_.join();
}

void StdoutRelay::Copy() {
  constexpr int kLookMs = 20;  // whether the command has ended while somebody else keeps the pipe open
  std::array<char, 65536> buffer;
  for (;;) {
    // Asked before reading: what was written before the end is then in the pipe.
    const bool finish = finish_;
    const ssize_t size = ::read(read_.get(), buffer.data(), buffer.size());
    const int64_t t_ns = MonotonicNs();
    if (size > 0) {
      const absl::string_view text(buffer.data(), static_cast<size_t>(size));
      TakeLines(text, t_ns);
      // Nobody reads any more: the command shall learn it as it would have without us.
      if (!WriteAll(out_fd_, text)) break;
    } else if (size == 0 || (errno != EAGAIN && errno != EINTR)) {
      break;
    } else if (finish) {
      break;
    } else {
      pollfd readable{.fd = read_.get(), .events = POLLIN, .revents = 0};
      ::poll(&readable, 1, kLookMs);
    }
  }
  if (!line_.empty()) EndLine(MonotonicNs());
  read_.Reset();
}

void StdoutRelay::TakeLines(absl::string_view text, int64_t t_ns) {
  while (!text.empty()) {
    const size_t end = text.find('\n');
    const absl::string_view part = text.substr(0, end);
    if (line_.size() < kLongestLine) absl::StrAppend(&line_, part.substr(0, kLongestLine - line_.size()));
    if (end == absl::string_view::npos) return;
    EndLine(t_ns);
    text.remove_prefix(end + 1);
  }
}

void StdoutRelay::EndLine(int64_t t_ns) {
  if (std::optional<std::string> label = pattern_.Label(line_)) marks_.Push({.t_ns = t_ns, .label = *std::move(label)});
  line_.clear();
}

}  // namespace vrapl
