// The kernel's own account of each thread, from what it was at the thread's switches. Pure arithmetic; knows no BPF, file
// or clock.
#pragma once

#include <cstdint>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "bpf/run_time_oracle_format.h"

namespace vrapl {

struct ThreadKey {
  uint32_t tid = 0;
  uint64_t start_ns = 0;
  friend bool operator==(const ThreadKey&, const ThreadKey&) = default;
  template <typename H>
  friend H AbslHashValue(H hash, const ThreadKey& key) {
    return H::combine(std::move(hash), key.tid, key.start_ns);
  }
};

// What one side says of a switch: who left and how long it had been on the CPU.
struct SliceEnd {
  uint32_t number = 0;  // of the switch, on its CPU
  ThreadKey thread;     // that left; tid 0 is the idle task
  uint32_t next_tid = 0;
  bool known = false;  // run_ns is the length of the whole slice
  int64_t run_ns = 0;
  int64_t after_account_ns = 0;  // the account's side only: see switch_out
};

class ThreadAccounts {
 public:
  struct Account {
    uint64_t base_ns = 0;          // at the mark, or 0 for a thread that was started after it
    uint64_t last_ns = 0;          // when it left a CPU last
    int64_t after_account_ns = 0;  // since the mark: see switch_out
    uint32_t tgid = 0;
    uint32_t thread_switches = 0;
    bool base_known = false;
    bool hidden = false;  // it left a CPU since the mark without our being told
    int64_t run_ns() const { return static_cast<int64_t>(last_ns - base_ns); }
  };

  // Totals count from here. `boot_ns`: CLOCK_BOOTTIME; a thread started after it has run for 0 ns at the mark.
  // A thread that is on a CPU at the moment of the mark has no known base: name it in Unknown() after that.
  void Mark(uint64_t boot_ns);
  void Unknown(const ThreadKey& thread);

  SliceEnd OnSwitchOut(const switch_out& out);

  const absl::flat_hash_map<ThreadKey, Account>& accounts() const { return accounts_; }

 private:
  uint64_t mark_boot_ns_ = 0;
  absl::flat_hash_map<ThreadKey, Account> accounts_;
};

}  // namespace vrapl
