// A program that runs beside a test: its standard output line by line, each with the instant it came. What it says on
// stderr goes to the test's own.
#pragma once

#include <sys/types.h>

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/posix.h"

namespace vrapl {

class Child {
 public:
  // words[0] is looked for on the PATH unless it has a slash.
  explicit Child(std::vector<std::string> words);
  // Ends it, by SIGTERM and, 20 s later, by SIGKILL.
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  struct Line {
    std::string text;
    int64_t arrived_ns = 0;  // CLOCK_MONOTONIC
  };
  std::vector<Line> lines() const;
  // Until it has printed `count` lines. False: it ended before that, or did not get there in time.
  bool AwaitLines(size_t count, absl::Duration timeout);

  void Signal(int number) const;
  // Until it has ended and its output is closed: its exit code, or 128 + the signal.
  int Wait();
  pid_t pid() const { return pid_; }

 private:
  void Read();

  pid_t pid_ = -1;
  int code_ = -1;
  UniqueFd out_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Line> lines_;
  bool closed_ = false;
  std::thread reader_;
};

// Runs a command to its end. Errors: INTERNAL with its output when it does not exit with 0.
absl::StatusOr<std::string> OutputOf(const std::vector<std::string>& words);

}  // namespace vrapl
