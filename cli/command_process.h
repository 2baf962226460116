// A command under measurement: made stopped, let go at a known instant, and waited for.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/posix.h"

namespace vrapl {

inline constexpr int kExitVraplFailed = 125;
inline constexpr int kExitNotExecutable = 126;
inline constexpr int kExitNotFound = 127;

// What this program was given and changes for itself (limits, ignored signals): what it starts gets it as it was. Make
// one before anything is changed.
class Inherited {
 public:
  Inherited();
  void Restore() const;  // async-signal-safe

  static constexpr std::array<int, 4> kHeard = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};  // that a verb may handle

 private:
  rlimit memory_{};
  rlimit files_{};
  std::array<bool, 4> ignored_{};  // of kHeard
};

struct CommandEnd {
  int64_t t_ns = 0;   // CLOCK_MONOTONIC, when waitpid() told of it
  int exit_code = 0;  // as a shell has it: 128 + the signal for one that was killed; 126, 127 where it could not start
  int signal = 0;     // that killed it; 0: none
  std::string error;  // why it could not start; "": it did
  int64_t user_ns = 0;  // of it and of the children that it waited for, as the kernel counts
  int64_t system_ns = 0;
  int64_t max_rss_kib = 0;
};

class CommandProcess {
 public:
  struct Options {
    int stdout_fd = -1;  // in place of ours
    int stderr_fd = -1;
    bool ends_with_us = false;  // it gets SIGTERM when the thread that started it ends
    const Inherited* inherited = nullptr;
  };
  // Makes the process, which waits for Release(). It is in our process group, and has our stdin, stderr and directory.
  static absl::StatusOr<std::unique_ptr<CommandProcess>> Start(const std::vector<std::string>& words,
                                                               const Options& options);
  // Kills it where it has not ended.
  ~CommandProcess();
  CommandProcess(const CommandProcess&) = delete;
  CommandProcess& operator=(const CommandProcess&) = delete;

  pid_t pid() const { return pid_; }
  // Lets it go; returns the instant, CLOCK_MONOTONIC.
  int64_t Release();
  void Signal(int number) const;  // does nothing once it has ended
  bool ended() const { return ended_.load(std::memory_order_acquire); }
  const CommandEnd& end() const { return end_; }  // once ended()
  const CommandEnd& Wait();
  int ended_fd() const { return ended_event_.get(); }  // readable once it has ended

 private:
  CommandProcess(pid_t pid, UniqueFd go, UniqueFd failure, UniqueFd ended_event, std::string name);
  void WaitForEnd();

  const pid_t pid_;
  UniqueFd go_;
  const UniqueFd failure_;
  const UniqueFd ended_event_;
  const std::string name_;
  CommandEnd end_;
  mutable std::mutex mutex_;
  bool reaped_ = false;  // guarded by mutex_: its number may be another's
  std::atomic<bool> ended_{false};
  std::thread waiter_;
};

}  // namespace vrapl
