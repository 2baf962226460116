#include "cli/stdout_relay.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/clock.h"

namespace vrapl {
namespace {

constexpr size_t kLongestLine = 4096;  // of a longer one the first part is looked at

// A regular file takes everything; a pipe, a terminal or a socket may have no room for as long as nobody reads.
bool MayBlock(int fd) {
  struct stat status {};
  return ::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode);
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
  UniqueFd wake(::eventfd(0, EFD_CLOEXEC));
  if (!wake.ok() || ::pipe2(ends, O_CLOEXEC) != 0) {
    const int error = errno;
    return PosixError(error, "make a pipe for the command's stdout");
  }
  return std::unique_ptr<StdoutRelay>(
      new StdoutRelay(pattern, marks, out_fd, UniqueFd(ends[0]), UniqueFd(ends[1]), std::move(wake)));
}

StdoutRelay::StdoutRelay(const LinePattern& pattern, MarkQueue& marks, int out_fd, UniqueFd read, UniqueFd write,
                         UniqueFd wake)
    : pattern_(pattern),
      marks_(marks),
      out_fd_(out_fd),
      read_(std::move(read)),
      write_(std::move(write)),
      wake_(std::move(wake)),
      may_block_(MayBlock(out_fd)) {
  ::fcntl(read_.get(), F_SETFL, O_NONBLOCK);
  thread_ = std::thread([this] { Copy(); });
}

StdoutRelay::~StdoutRelay() {
  EndSoon();
  GiveUp();
  thread_.join();
}

void StdoutRelay::EndSoon() {
  write_.Reset();
  finish_ = true;
}

void StdoutRelay::GiveUp() {
  give_up_ = true;
  const uint64_t one = 1;
  if (::write(wake_.get(), &one, sizeof one) < 0) return;  // it has been woken already
}

// False: nobody reads any more, or it was given up.
bool StdoutRelay::PassOn(absl::string_view text) {
  while (!text.empty()) {
    size_t most = text.size();
    if (may_block_) {
      // The descriptor is others' too, so it must stay as it is: what is ready takes this much without waiting.
      most = std::min<size_t>(most, PIPE_BUF);
      std::array<pollfd, 2> ready{
          {{.fd = out_fd_, .events = POLLOUT, .revents = 0}, {.fd = wake_.get(), .events = POLLIN, .revents = 0}}};
      if (::poll(ready.data(), ready.size(), -1) < 0) continue;
      if (ready[0].revents == 0) {  // there is no room, and nobody waits for it any more
        given_up_bytes_ += static_cast<int64_t>(text.size());
        return false;
      }
    }
    const ssize_t size = ::write(out_fd_, text.data(), most);
    if (size < 0 && errno != EINTR && errno != EAGAIN) return false;
    if (size > 0) text.remove_prefix(static_cast<size_t>(size));
  }
  return true;
}

void StdoutRelay::Copy() {
  constexpr int kLookMs = 20;  // whether the command has ended while somebody else keeps the pipe open
  std::array<char, 65536> buffer;
  // What the command wrote is in the pipe when it has ended. Who it left behind may write on for ever.
  std::optional<size_t> rest;
  while (!rest || *rest > 0) {
    int waiting = 0;
    if (!rest && finish_ && ::ioctl(read_.get(), FIONREAD, &waiting) == 0) rest = static_cast<size_t>(waiting);
    const ssize_t size = ::read(read_.get(), buffer.data(), std::min(buffer.size(), rest.value_or(buffer.size())));
    const int64_t t_ns = MonotonicNs();
    if (size > 0) {
      const absl::string_view text(buffer.data(), static_cast<size_t>(size));
      if (rest) *rest -= text.size();
      TakeLines(text, t_ns);
      // Nobody reads any more: the command shall learn it as it would have without us.
      if (!PassOn(text)) break;
    } else if (size == 0 || (errno != EAGAIN && errno != EINTR)) {  // every writer has ended
      break;
    } else {
      pollfd readable{.fd = read_.get(), .events = POLLIN, .revents = 0};
      ::poll(&readable, 1, kLookMs);
    }
  }
  if (!line_.empty()) EndLine(MonotonicNs());
  int left = 0;
  if (give_up_ && ::ioctl(read_.get(), FIONREAD, &left) == 0) given_up_bytes_ += left;
  read_.Reset();
  done_.store(true, std::memory_order_release);
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
