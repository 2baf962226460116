// What loads made of threads have in common.
#pragma once

#include <sched.h>

#include <atomic>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "tests/bpf/workloads.h"

namespace vrapl {

inline void PinTo(int cpu) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(static_cast<size_t>(cpu), &one);
  ::sched_setaffinity(0, sizeof one, &one);
}

inline void SpinFor(int64_t ns) {
  const int64_t end = MonotonicNs() + ns;
  while (MonotonicNs() < end) {
  }
}

// Threads that run until stopping() says so.
class ThreadWorkload : public Workload {
 public:
  ~ThreadWorkload() override { ThreadWorkload::Stop(); }
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

std::vector<std::unique_ptr<Workload>> StormWorkloads();  // threads and processes that come and go
std::vector<std::unique_ptr<Workload>> VmWorkloads();     // vCPUs: KVM's and QEMU's

template <typename... W>
std::vector<std::unique_ptr<Workload>> MakeEach() {
  std::vector<std::unique_ptr<Workload>> all;
  (all.push_back(std::make_unique<W>()), ...);
  return all;
}

}  // namespace vrapl
