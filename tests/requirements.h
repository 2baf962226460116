// What a test needs of the machine. A test whose need is missing skips and says why; where the environment variable
// VRAPL_REQUIRE names the need ("fuse,kernel,guest"), it fails instead: a skip must not pass for a success in CI.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "absl/strings/str_split.h"

namespace vrapl {

inline bool Required(const std::string& need) {
  const char* required = std::getenv("VRAPL_REQUIRE");
  if (required == nullptr) return false;
  for (absl::string_view word : absl::StrSplit(required, ',')) {
    if (word == need) return true;
  }
  return false;
}

// "" when the machine has what `need` (fuse, kernel, browser) asks for, else the reason it has not.
inline std::string WhyMissing(const std::string& need) {
  if (need == "fuse") {
    if (::access("/dev/fuse", R_OK | W_OK) != 0) return "/dev/fuse is missing or not accessible";
    if (::geteuid() != 0) return "mounting needs root";
  }
  if (need == "kernel") {
    if (::access("/sys/kernel/btf/vmlinux", R_OK) != 0) return "the kernel has no BTF (/sys/kernel/btf/vmlinux)";
    if (::geteuid() != 0) return "loading BPF programs needs root (CAP_BPF and CAP_PERFMON)";
  }
  if (need == "browser") {
    if (std::system("command -v chromium >/dev/null") != 0) return "there is no chromium";
    if (std::system("command -v python3 >/dev/null") != 0) return "there is no python3";
  }
  if (need == "guest" && std::getenv("VRAPL_PRIVATE_LIBVIRT_DIR") == nullptr) {
    return "no private libvirtd: run this through scripts/private-libvirt";
  }
  return "";
}

}  // namespace vrapl

// First line of a test or of SetUp().
#define VRAPL_NEEDS(need)                                                                               \
  do {                                                                                                  \
    if (const std::string why = ::vrapl::WhyMissing(need); !why.empty()) {                              \
      if (::vrapl::Required(need)) FAIL() << "VRAPL_REQUIRE asks for \"" << need << "\", but: " << why; \
      GTEST_SKIP() << why;                                                                              \
    }                                                                                                   \
  } while (false)
