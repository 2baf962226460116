#include "guest_line/guest_line_reader.h"

#include <algorithm>
#include <utility>

namespace vrapl {

void GuestLineReader::Feed(std::string_view bytes, std::vector<ReceivedGuestLine>& out) {
  while (!bytes.empty()) {
    const size_t newline = bytes.find('\n');
    const std::string_view part = bytes.substr(0, newline);
    // Of what is too long to be a line the end is kept: one may be there.
    constexpr size_t kMost = kMaxGuestLine - 1;
    cut_ = cut_ || pending_.size() + part.size() > kMost;
    if (cut_) {
      const size_t room = kMost - std::min(kMost, part.size());
      pending_.erase(0, pending_.size() - std::min(pending_.size(), room));
    }
    pending_ += part.substr(part.size() - std::min(part.size(), kMost));
    if (newline == std::string_view::npos) return;
    EndLine(out);
    bytes.remove_prefix(newline + 1);
  }
}

void GuestLineReader::Reset() {
  pending_.clear();
  cut_ = false;
}

void GuestLineReader::EndLine(std::vector<ReceivedGuestLine>& out) {
  std::string_view text = pending_;
  DecodedGuestLine decoded = DecodeGuestLine(text);
  bool foreign = decoded.fault == GuestLineFault::kForeign;
  if (decoded.fault != GuestLineFault::kNone) {
    // A line that broke off runs into the next one: only what follows the last magic can be whole.
    const size_t start = text.rfind(kGuestLineMagic);
    if (start != std::string_view::npos && start > 0) {
      text.remove_prefix(start);
      decoded = DecodeGuestLine(text);
      foreign = foreign || decoded.fault == GuestLineFault::kForeign;
    }
  }
  if (decoded.fault == GuestLineFault::kNone) {
    if (text.ends_with('\r')) text.remove_suffix(1);
    out.push_back({std::move(decoded.line), std::string(text)});
    ++accepted_;
  } else if (cut_ || foreign || (!pending_.empty() && pending_ != "\r" && pending_[0] != '#')) {
    ++rejected_;
    if (foreign) ++foreign_;
  }
  Reset();
}

}  // namespace vrapl
