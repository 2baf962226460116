// Threads that switch when they are told to: the load that run time is measured under.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

#include "base/posix.h"

namespace vrapl {

std::vector<int> OnlineCpus();

// The calling thread, and the threads it makes from here on.
void PinTo(int cpu);

// A thread that sends back each byte through pipes; on one CPU with its caller, a round trip is two switches. This is
// what `perf bench sched pipe` does, with threads in place of processes.
class Echo {
 public:
  Echo();
  ~Echo();
  Echo(const Echo&) = delete;
  Echo& operator=(const Echo&) = delete;
  void RoundTrip() const;

 private:
  struct Pipe {
    Pipe();
    UniqueFd read_end;
    UniqueFd write_end;
  };
  Pipe there_;
  Pipe back_;
  std::thread thread_;
};

// Round trips in a thread of its own until it is destroyed.
class SwitchLoad {
 public:
  SwitchLoad();
  ~SwitchLoad();
  SwitchLoad(const SwitchLoad&) = delete;
  SwitchLoad& operator=(const SwitchLoad&) = delete;

 private:
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

// A thread on one CPU that does something again and again while it exists.
class Worker {
 public:
  Worker(int cpu, std::function<void()> again);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

 private:
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

// Threads asleep in a ring, which hand a token on. How many switches happen, and how many threads run, are chosen
// apart: Pass(1000, 2) is a thousand switches of two threads, Pass(1000, 1000) one of each of a thousand.
class Ring {
 public:
  // Returns when all threads have started. They run where their maker may run.
  explicit Ring(int threads);
  ~Ring();
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  const std::vector<pid_t>& tids() const { return tids_; }
  // The token makes `hops` hops over the first `over` threads (2 or more), round and round, and comes back to the
  // caller. On one CPU that is hops + 1 switches. Nothing happens for 0 hops.
  void Pass(int hops, int over);

 private:
  void Live(size_t place);

  std::vector<UniqueFd> doors_;  // an eventfd each; what is read from it is the hops left
  UniqueFd home_;
  std::atomic<size_t> over_ = 1;
  std::vector<pid_t> tids_;
  std::vector<std::thread> threads_;
};

}  // namespace vrapl
