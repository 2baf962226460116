// Programs that read exports, as their users have them.
#pragma once

#include <cstdio>
#include <string>

#include "tests/requirements.h"

namespace vrapl {

struct Output {
  int code = -1;
  std::string text;  // stdout and stderr
};

inline Output RunShell(const std::string& command) {
  Output output;
  FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return output;
  char block[4096];
  for (size_t size = 0; (size = std::fread(block, 1, sizeof block, pipe)) > 0;) output.text.append(block, size);
  const int status = ::pclose(pipe);
  output.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return output;
}

// Debian's Python, which has Debian's modules: another one may stand before it in PATH.
inline constexpr char kPython[] = "/usr/bin/python3";

}  // namespace vrapl

// First line of a test that runs `program`; `why` is what it needs it for.
#define VRAPL_NEEDS_READER(check, package)                                                            \
  do {                                                                                                \
    if (::vrapl::RunShell(check).code != 0) {                                                         \
      const std::string why = std::string(package) + " is not installed (scripts/setup installs it)"; \
      if (::vrapl::Required("readers")) FAIL() << "VRAPL_REQUIRE asks for \"readers\", but: " << why; \
      GTEST_SKIP() << why;                                                                            \
    }                                                                                                 \
  } while (false)
