#include "tests/bpf/workloads.h"

#include <sched.h>

#include <atomic>
#include <thread>

#include "base/clock.h"

namespace vrapl {
namespace {

void PinTo(int cpu) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(static_cast<size_t>(cpu), &one);
  ::sched_setaffinity(0, sizeof one, &one);
}

class Idle : public Workload {
 public:
  absl::string_view name() const override { return "idle"; }
  absl::Status Start() override { return absl::OkStatus(); }
  void Stop() override {}
};

// Threads that run until the flag says stop.
class ThreadWorkload : public Workload {
 public:
  ~ThreadWorkload() override { Stop(); }
  void Stop() override {
    stop_ = true;
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
    stop_ = false;
  }

 protected:
  template <typename Body>
  void Spawn(Body body) {
    threads_.emplace_back(std::move(body));
  }
  bool stopping() const { return stop_.load(std::memory_order_relaxed); }

 private:
  std::atomic<bool> stop_ = false;
  std::vector<std::thread> threads_;
};

class Pinned : public ThreadWorkload {
 public:
  absl::string_view name() const override { return "pinned"; }
  absl::Status Start() override {
    Spawn([this] {
      PinTo(0);
      while (!stopping()) {
      }
    });
    return absl::OkStatus();
  }
};

template <typename... W>
std::vector<std::unique_ptr<Workload>> Make() {
  std::vector<std::unique_ptr<Workload>> all;
  (all.push_back(std::make_unique<W>()), ...);
  return all;
}

}  // namespace

std::vector<std::unique_ptr<Workload>> AllWorkloads() { return Make<Pinned, Idle>(); }

std::unique_ptr<Workload> MakeWorkload(absl::string_view name) {
  for (std::unique_ptr<Workload>& workload : AllWorkloads()) {
    if (workload->name() == name) return std::move(workload);
  }
  return nullptr;
}

}  // namespace vrapl
