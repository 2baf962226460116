// Finds the threads of given processes and keeps their files open, for readers that may do neither.
//
// Finding lists directories and opens files, so it has no place in the millisecond path: an ordinary thread calls
// Find() every 100 ms or so. Each package's reader has a ThreadReader, through which it sees the newest list without
// lock, wait or allocation.
//
// A thread that lives shorter than it takes to find it is never seen, and of one that has ended what it ran since it
// was read last: that time is what a reader calls the rest.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/posix.h"

namespace vrapl {

// One thread, as long as it is found. Read by all packages' readers.
struct KnownThread {
  uint32_t tid = 0;
  uint32_t tgid = 0;
  uint64_t start_ns = 0;  // CLOCK_BOOTTIME of the host, cut off to USER_HZ
  UniqueFd schedstat;
  UniqueFd stat;  // where its CPU is asked for; else none
  // Of the thread's account, what has been counted, by whichever package: each nanosecond once.
  std::atomic<uint64_t> counted_ns{0};
  std::atomic<bool> ended{false};  // its files say so: the number may be another thread's
};
using ThreadList = std::vector<std::shared_ptr<KnownThread>>;

class ThreadFinder;

// One reader's view. Threads: one.
class ThreadReader {
 public:
  // The newest list; valid until the next call.
  const ThreadList& Threads();

 private:
  friend class ThreadFinder;
  explicit ThreadReader(const ThreadFinder& finder) : finder_(finder) {}
  const ThreadFinder& finder_;
  std::atomic<const ThreadList*> in_use_{nullptr};
};

class ThreadFinder {
 public:
  struct Options {
    std::string proc = "/proc";
    int64_t tick_ns = 10'000'000;    // 1 s / USER_HZ
    int64_t boottime_offset_ns = 0;  // what our time namespace adds to the host's CLOCK_BOOTTIME
    bool with_cpu = false;           // whether readers ask which CPU a thread is on
  };
  explicit ThreadFinder(Options options);
  ThreadFinder(const ThreadFinder&) = delete;
  ThreadFinder& operator=(const ThreadFinder&) = delete;

  // Before readers run. The reader lives as long as the finder.
  ThreadReader& NewReader();

  // From the next Find() on. Threads: any.
  void SetProcesses(std::vector<pid_t> processes);

  // Looks for threads that came and went. `boottime_ns` is our CLOCK_BOOTTIME now. A thread that was born since the
  // last call counts from its first nanosecond, any other from what its account shows when it is first seen. Threads:
  // one, the same at all times.
  void Find(int64_t boottime_ns);

  // Threads that were found but could not be opened (too many open files): their time is in the rest. Threads: any.
  uint64_t not_opened() const { return not_opened_.load(std::memory_order_relaxed); }

 private:
  friend class ThreadReader;
  using Key = std::pair<pid_t, pid_t>;  // process, thread
  std::shared_ptr<KnownThread> Open(const std::string& directory, const Key& key);
  void Publish();

  const Options options_;
  std::mutex mutex_;
  std::vector<pid_t> processes_;  // guarded by mutex_
  std::vector<std::unique_ptr<ThreadReader>> readers_;
  std::map<Key, std::shared_ptr<KnownThread>> known_;
  std::vector<std::unique_ptr<ThreadList>> lists_;  // the newest, last, and those that a reader may still look at
  std::atomic<const ThreadList*> newest_{nullptr};
  int64_t last_find_ns_ = 0;
  std::atomic<uint64_t> not_opened_{0};
};

// The account as the thread's file shows it now; false when the thread has ended, which is then noted in it.
bool ReadRunNs(KnownThread& thread, uint64_t& run_ns);
// The CPU it is on or was on last; -1 when it has ended.
int ReadCpu(const KnownThread& thread);

}  // namespace vrapl
