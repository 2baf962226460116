#include "sampler/mark.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"

namespace vrapl {
namespace {

// So many marks wait for the flush thread at most: nobody reads more, and a sender must not fill our memory.
constexpr size_t kMostWaiting = 100'000;

struct Character {
  size_t bytes = 1;
  std::optional<char32_t> code;  // none: no UTF-8 begins here
};

// The character that `text` begins with, by the table of well-formed sequences of the Unicode Standard, chapter
// "Encoding Forms": no overlong forms, no surrogates, nothing above U+10FFFF.
Character Decode(absl::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  if (first < 0x80) return {.bytes = 1, .code = first};
  const size_t bytes = first >= 0xF0 && first < 0xF8 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC0 || first >= 0xF8 || text.size() < bytes) return {};
  char32_t code = first & (0x7F >> bytes);
  for (size_t i = 1; i < bytes; ++i) {
    const auto next = static_cast<unsigned char>(text[i]);
    if ((next & 0xC0) != 0x80) return {};
    code = code << 6 | (next & 0x3F);
  }
  constexpr char32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  if (code < kLeast[bytes] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) return {};
  return {.bytes = bytes, .code = code};
}

bool IsControl(char32_t code) {
  return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0x2028 || code == 0x2029;
}

}  // namespace

absl::Status CheckLabel(absl::string_view label) {
  if (label.empty()) return absl::InvalidArgumentError("the label is empty");
  if (label.size() > kMaxLabelBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("the label has ", label.size(), " bytes; at most ", kMaxLabelBytes, " are taken"));
  }
  while (!label.empty()) {
    const Character character = Decode(label);
    if (!character.code) return absl::InvalidArgumentError("the label is not UTF-8");
    if (IsControl(*character.code)) {
      return absl::InvalidArgumentError("the label has a control character in it (a line end, a tab); leave it out");
    }
    label.remove_prefix(character.bytes);
  }
  return absl::OkStatus();
}

std::string MakeLabel(absl::string_view text) {
  std::string label;
  while (!text.empty()) {
    const Character character = Decode(text);
    const bool good = character.code && !IsControl(*character.code);
    const absl::string_view piece = good ? text.substr(0, character.bytes) : "?";
    if (label.size() + piece.size() > kMaxLabelBytes) break;
    label.append(piece.data(), piece.size());
    text.remove_prefix(character.bytes);
  }
  return label;
}

void MarkQueue::Push(Mark mark) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (marks_.size() < kMostWaiting) marks_.push_back(std::move(mark));
}

std::vector<Mark> MarkQueue::Take() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return std::exchange(marks_, {});
}

}  // namespace vrapl
