// Who a thread is: the kernel uses numbers again, but not in one clock tick of boot time. For tables of threads.
#pragma once

#include <cstdint>
#include <utility>

#include "base/run_time_types.h"

namespace vrapl {

struct ThreadId {
  uint32_t tid = 0;
  uint32_t tgid = 0;
  uint64_t start_ns = 0;

  friend bool operator==(const ThreadId&, const ThreadId&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const ThreadId& key) {
    return H::combine(std::move(h), key.tid, key.tgid, key.start_ns);
  }
};

inline ThreadId IdOf(const ThreadRun& thread) { return {thread.tid, thread.tgid, thread.start_ns}; }

}  // namespace vrapl
