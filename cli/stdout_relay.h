// A command's stdout on its way through: passed on byte for byte, and each line that matches becomes a mark.
#pragma once

#include <regex.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/posix.h"
#include "sampler/mark.h"

namespace vrapl {

// A POSIX extended regular expression, as `grep -E` has it.
class LinePattern {
 public:
  // INVALID_ARGUMENT with what is wrong.
  static absl::StatusOr<std::unique_ptr<LinePattern>> Create(const std::string& text);
  ~LinePattern() { ::regfree(&regex_); }
  LinePattern(const LinePattern&) = delete;
  LinePattern& operator=(const LinePattern&) = delete;

  // The label of the mark that this line is: the first group, else the match; none: it does not match, or only the
  // empty text does.
  std::optional<std::string> Label(absl::string_view line) const;

 private:
  LinePattern() = default;
  regex_t regex_{};
};

class StdoutRelay {
 public:
  // Copies to `out_fd` in a thread of its own until every writer has closed its end, or EndSoon(). All outlive this.
  static absl::StatusOr<std::unique_ptr<StdoutRelay>> Start(const LinePattern& pattern, MarkQueue& marks, int out_fd);
  ~StdoutRelay();

  int write_fd() const { return write_.get(); }  // for the command
  void CloseWriteEnd() { write_.Reset(); }       // once the command has it
  // The command has ended: what it wrote is passed on, and then this is done(). What processes that it left behind
  // write later meets a closed pipe.
  void EndSoon();
  bool done() const { return done_.load(std::memory_order_acquire); }
  // Nobody seems to read what is passed on: the rest is not waited for.
  void GiveUp();
  // Bytes that the command wrote and that were not passed on, once done().
  int64_t given_up_bytes() const { return given_up_bytes_; }

 private:
  StdoutRelay(const LinePattern& pattern, MarkQueue& marks, int out_fd, UniqueFd read, UniqueFd write, UniqueFd wake);
  void Copy();
  bool PassOn(absl::string_view text);
  void TakeLines(absl::string_view text, int64_t t_ns);
  void EndLine(int64_t t_ns);

  const LinePattern& pattern_;
  MarkQueue& marks_;
  const int out_fd_;
  UniqueFd read_;
  UniqueFd write_;
  std::string line_;     // not ended yet; its first part, where it is long
  const UniqueFd wake_;  // readable once GiveUp() was called
  const bool may_block_;
  std::atomic<bool> finish_{false};
  std::atomic<bool> give_up_{false};
  std::atomic<bool> done_{false};
  int64_t given_up_bytes_ = 0;  // written before done_
  std::thread thread_;
};

}  // namespace vrapl
