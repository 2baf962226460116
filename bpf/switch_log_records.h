// Reads one CPU's switch log while the kernel goes on writing it. Memory access only.
//
// Threads: one reader per log.
#pragma once

#include <atomic>
#include <cstdint>

#include "bpf/switch_log_format.h"

namespace vrapl {

// Records written so far.
inline uint64_t LogHead(switch_log& log) { return std::atomic_ref<__u64>(log.head).load(std::memory_order_acquire); }

// Calls visit(record) for each record from `tail` to the head, advancing `tail`, until visit returns false (that record
// is left for the next call). Returns the number of records lost because the writer had lapped the reader.
template <typename Visit>
uint64_t ForEachLogRecord(switch_log& log, uint64_t& tail, Visit visit) {
  uint64_t lost = 0;
  uint64_t head = LogHead(log);
  while (tail < head) {
    const switch_record record = log.records[tail & (VRAPL_LOG_RECORDS - 1)];
    std::atomic_thread_fence(std::memory_order_acquire);  // the copy comes before the look whether it was overwritten
    if (const uint64_t written = LogHead(log); written - tail >= VRAPL_LOG_RECORDS) {
      // Half a log of headroom, so that the writer does not catch up again while we copy.
      const uint64_t restart = written - VRAPL_LOG_RECORDS / 2;
      lost += restart - tail;
      tail = restart;
      head = written;
      continue;
    }
    if (!visit(record)) break;
    ++tail;
  }
  return lost;
}

}  // namespace vrapl
