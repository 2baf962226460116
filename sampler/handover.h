// Hands a value to the millisecond thread, which neither allocates nor frees it: offered by one thread, taken by
// another, given back, and freed by the first.
#pragma once

#include <atomic>
#include <utility>

namespace vrapl {

template <typename T>
class Handover {
 public:
  Handover() = default;
  ~Handover() {
    Free(offered_.load());
    Free(done_.load());
  }
  Handover(const Handover&) = delete;
  Handover& operator=(const Handover&) = delete;

  // The offering thread. One that has not been taken yet is replaced.
  void Offer(T value) {
    Free(done_.exchange(nullptr, std::memory_order_acquire));
    Free(offered_.exchange(new Node{std::move(value), nullptr}, std::memory_order_acq_rel));
  }

  // The taking thread: calls use(const T&) when there is something new. Does not wait.
  template <typename Use>
  void Take(Use use) {
    if (offered_.load(std::memory_order_relaxed) == nullptr) return;
    Node* node = offered_.exchange(nullptr, std::memory_order_acq_rel);
    if (node == nullptr) return;
    use(static_cast<const T&>(node->value));
    node->next = done_.load(std::memory_order_relaxed);
    while (!done_.compare_exchange_weak(node->next, node, std::memory_order_release, std::memory_order_relaxed)) {
    }
  }

 private:
  struct Node {
    T value;
    Node* next;
  };
  static void Free(Node* node) {
    while (node != nullptr) delete std::exchange(node, node->next);
  }

  std::atomic<Node*> offered_{nullptr};
  std::atomic<Node*> done_{nullptr};  // used, for the offering thread to free
};

}  // namespace vrapl
