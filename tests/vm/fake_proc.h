// A /proc with the few files that the vm room reads, in a temporary directory.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace vrapl {

class TempDir {
 public:
  TempDir() {
    std::string name = testing::TempDir() + "/vrapl-XXXXXX";
    if (::mkdtemp(name.data()) != nullptr) path_ = name;
  }
  ~TempDir() { std::filesystem::remove_all(path_); }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline void WriteFile(const std::string& path, const std::string& text) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path) << text;
}

class FakeProc {
 public:
  const std::string& root() const { return dir_.path(); }

  // `words` is the command line, words[0] the program; `exe` "" leaves the link out, as for a process that may not be
  // looked at.
  void AddProcess(pid_t pid, const std::vector<std::string>& words, const std::string& exe, uint64_t start_time = 1000,
                  const std::string& comm = "qemu-system-x86") {
    std::string cmdline;
    for (const std::string& word : words) cmdline.append(word).push_back('\0');
    const std::string dir = absl::StrCat(root(), "/", pid);
    WriteFile(dir + "/cmdline", cmdline);
    WriteFile(dir + "/stat", absl::StrCat(pid, " (", comm, ") S 1 2 3 0 -1 4194560 5 6 7 8 9 10 11 12 20 0 8 0 ",
                                          start_time, " 999999 888 18446744073709551615 1\n"));
    if (!exe.empty()) std::filesystem::create_symlink(exe, dir + "/exe");
    AddThread(pid, pid, comm);
  }
  void AddThread(pid_t pid, pid_t tid, const std::string& comm) {
    WriteFile(absl::StrCat(root(), "/", pid, "/task/", tid, "/comm"), comm + "\n");
  }

 private:
  TempDir dir_;
};

}  // namespace vrapl
