// Marks: named instants at which a phase of what runs begins.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace vrapl {

struct Mark {
  int64_t t_ns = 0;  // CLOCK_MONOTONIC; from the start of the run once it is in a report
  std::string label;
  friend bool operator==(const Mark&, const Mark&) = default;
};

inline constexpr size_t kMaxLabelBytes = 256;

// INVALID_ARGUMENT unless the label is UTF-8 of 1 to 256 bytes without control characters.
absl::Status CheckLabel(absl::string_view label);

// `text` as a label: what cannot be in one becomes "?", what is too much is cut off at a character's end. May be empty.
std::string MakeLabel(absl::string_view text);

// From whoever marks to the flush thread. Threads: any.
class MarkQueue {
 public:
  void Push(Mark mark);
  std::vector<Mark> Take();

 private:
  std::mutex mutex_;
  std::vector<Mark> marks_;
};

}  // namespace vrapl
