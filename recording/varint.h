// Numbers as they stand in a recording: seven bits a byte, the lowest first, the top bit saying that more follow;
// signed ones in zigzag order, so that small negative numbers are short too. And a cursor that never reads past its
// end.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>

#include "absl/strings/string_view.h"

namespace vrapl {

inline void PutVarint(std::string& out, uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

inline constexpr uint64_t Zigzag(int64_t value) {
  return (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
}
inline constexpr int64_t Unzigzag(uint64_t value) {
  return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1);
}

inline void PutSigned(std::string& out, int64_t value) { PutVarint(out, Zigzag(value)); }

inline void PutText(std::string& out, absl::string_view text) {
  PutVarint(out, text.size());
  out.append(text.data(), text.size());
}

// Reads what the above wrote. After a number that does not end, or is longer than its bytes, ok() is false and whatever
// is read is 0: callers ask once, at the end of a record.
class RecordCursor {
 public:
  explicit RecordCursor(absl::string_view bytes) : bytes_(bytes) {}

  bool ok() const { return ok_; }
  bool at_end() const { return bytes_.empty(); }
  size_t left() const { return bytes_.size(); }

  uint8_t Byte() {
    if (bytes_.empty()) return static_cast<uint8_t>(Fail());
    const auto value = static_cast<uint8_t>(bytes_.front());
    bytes_.remove_prefix(1);
    return value;
  }
  uint64_t Varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (bytes_.empty()) return Fail();
      const auto byte = static_cast<uint8_t>(bytes_.front());
      bytes_.remove_prefix(1);
      if (shift == 63 && byte > 1) return Fail();
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    return Fail();
  }
  int64_t Signed() { return Unzigzag(Varint()); }
  // A number that the rest of the bytes can bear: of things that take at least a byte each.
  uint64_t Count() {
    const uint64_t count = Varint();
    return count <= bytes_.size() ? count : Fail();
  }
  absl::string_view Text() {
    const uint64_t size = Count();
    const absl::string_view text = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return text;
  }

 private:
  uint64_t Fail() {
    ok_ = false;
    bytes_ = {};
    return 0;
  }

  absl::string_view bytes_;
  bool ok_ = true;
};

}  // namespace vrapl
