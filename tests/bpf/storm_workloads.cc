// Loads of threads and processes that hardly live: what counts is that none is missed and none mistaken for another.
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>

#include "tests/bpf/workload_threads.h"

namespace vrapl {
namespace {

// One thread after the other, each for a fifth of a millisecond.
class ShortLived : public ThreadWorkload {
 public:
  absl::string_view name() const override { return "short-lived"; }
  absl::Status Start() override {
    Spawn([this] {
      while (!stopping()) std::thread([] { SpinFor(200'000); }).join();
    });
    return absl::OkStatus();
  }
};

// Four threads that do nothing but fork children that do next to nothing.
class ForkStorm : public ThreadWorkload {
 public:
  absl::string_view name() const override { return "fork-storm"; }
  absl::Status Start() override {
    for (int i = 0; i < 4; ++i) {
      Spawn([this] {
        while (!stopping()) {
          const pid_t child = ::fork();
          if (child == 0) {
            SpinFor(20'000);
            ::_exit(0);
          }
          if (child > 0) ::waitpid(child, nullptr, 0);
        }
      });
    }
    return absl::OkStatus();
  }
};

// A hundred threads that wait together and exit at once, over and over.
class ExitStorm : public ThreadWorkload {
 public:
  absl::string_view name() const override { return "exit-storm"; }
  absl::Status Start() override {
    Spawn([this] {
      while (!stopping()) {
        std::mutex mutex;
        std::condition_variable changed;
        bool go = false;
        std::vector<std::thread> crowd;
        for (int i = 0; i < 100; ++i) {
          crowd.emplace_back([&] {
            std::unique_lock<std::mutex> lock(mutex);
            changed.wait(lock, [&] { return go; });
          });
        }
        {
          const std::lock_guard<std::mutex> lock(mutex);
          go = true;
        }
        changed.notify_all();
        for (std::thread& thread : crowd) thread.join();
      }
    });
    return absl::OkStatus();
  }
};

}  // namespace

std::vector<std::unique_ptr<Workload>> StormWorkloads() { return MakeEach<ShortLived, ForkStorm, ExitStorm>(); }

}  // namespace vrapl
