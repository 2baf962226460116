// The words of a guest line that its writer and its parser must agree on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "guest_line/guest_line.h"

namespace vrapl {

inline constexpr size_t kMaxGuestLineWord = 32;

// In the order in which they are written.
inline constexpr struct {
  uint32_t bit;
  std::string_view word;
} kGuestLineStateWords[] = {{kLineWarm, "warm"},
                            {kLineGap, "gap"},
                            {kLineNoEnergy, "noenergy"},
                            {kLineCoarse, "coarse"},
                            {kLineOther, "other"}};

// Of ASCII, whatever the locale says.
constexpr bool IsDigit(char c) { return c >= '0' && c <= '9'; }
constexpr bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
constexpr bool IsGuestLineWordChar(char c) {
  return IsDigit(c) || IsLower(c) || (c >= 'A' && c <= 'Z') || c == '.' || c == '_' || c == '+' || c == '-';
}

}  // namespace vrapl
