// JSON that somebody hands us may nest so deeply that whoever walks through it runs out of stack. Ours has five levels.
//
// Pure; threads: any.
#pragma once

#include "absl/strings/string_view.h"

namespace vrapl {

inline constexpr int kMostJsonDepth = 32;

// No deeper than that. Says nothing on whether it is JSON at all.
inline bool IsShallowJson(absl::string_view text) {
  int depth = 0;
  bool in_text = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_text) {
      if (c == '\\') ++i;
      if (c == '"') in_text = false;
    } else if (c == '"') {
      in_text = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kMostJsonDepth) return false;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return true;
}

}  // namespace vrapl
