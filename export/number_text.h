// Numbers as text that reads back as the same number, in the fewest digits.
#pragma once

#include <charconv>
#include <string>

namespace vrapl {

template <typename Number>
void AppendNumber(std::string& text, Number number) {
  char digits[32];
  const std::to_chars_result end = std::to_chars(digits, digits + sizeof digits, number);
  text.append(digits, end.ptr);
}

}  // namespace vrapl
