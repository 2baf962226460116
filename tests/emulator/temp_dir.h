// An empty directory of its own for one test, gone at the end. Nothing in it is removed: what a test mounts there it
// must have unmounted, and the destructor tells when it has not.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <string>

namespace vrapl {

class TempDir {
 public:
  TempDir() {
    std::string name = testing::TempDir() + "vrapl-test-XXXXXX";  // TempDir() ends with a slash
    if (::mkdtemp(name.data()) == nullptr) return;
    // As /proc/self/mounts will show it.
    const std::unique_ptr<char, decltype(&std::free)> resolved(::realpath(name.c_str(), nullptr), &std::free);
    path_ = resolved.get();
  }
  ~TempDir() { EXPECT_EQ(::rmdir(path_.c_str()), 0) << path_ << " is not empty, or still mounted"; }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace vrapl
