// Lines out of a stream of bytes that may begin, break off and resume anywhere. Pure. Threads: one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "guest_line/guest_line.h"

namespace vrapl {

struct ReceivedGuestLine {
  GuestLine line;
  std::string text;  // as it came, keys that this version does not know included, without its end
};

class GuestLineReader {
 public:
  // Appends the good lines that `bytes` complete.
  void Feed(std::string_view bytes, std::vector<ReceivedGuestLine>& out);

  // What was fed belongs to a connection that is gone: its unfinished line is dropped.
  void Reset();

  uint64_t accepted() const { return accepted_; }
  uint64_t rejected() const { return rejected_; }  // ended lines that were neither good nor a comment nor empty
  uint64_t foreign() const { return foreign_; }    // of these, with a right CRC: "VRAPL2 ..."

  size_t pending_bytes() const { return pending_.size(); }  // of a line that has not ended

 private:
  void EndLine(std::vector<ReceivedGuestLine>& out);

  std::string pending_;  // less than kMaxGuestLine bytes
  bool cut_ = false;     // the beginning of the line is not in pending_
  uint64_t accepted_ = 0;
  uint64_t rejected_ = 0;
  uint64_t foreign_ = 0;
};

}  // namespace vrapl
