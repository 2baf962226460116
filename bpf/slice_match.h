// Two tellings of the same switches, joined: what the switch log says of each slice against what the kernel's own
// account says. Pure arithmetic; knows no BPF, file or clock.
//
// A switch is known by its CPU and a number that both sides have for it. A slice is compared only where neither side
// misses a switch inside it: where the kernel hides one, both say so by themselves (the log by rq->nr_switches, the
// account by the thread's own count of switches), and the slice is counted as hidden.
#pragma once

#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "bpf/thread_accounts.h"

namespace vrapl {

class SliceMatch {
 public:
  explicit SliceMatch(int possible_cpus) : cpus_(static_cast<size_t>(possible_cpus)) {}

  // What was compared so far does not count.
  void Mark();

  // Each side tells the switches of a CPU in their order, and both in their own time.
  void OnLog(int cpu, const SliceEnd& end);
  void OnAccount(int cpu, const SliceEnd& end);

  // Log minus account, ns, of each slice compared.
  const std::vector<int64_t>& errors_ns() const { return errors_ns_; }
  // The same less after_account_ns: what the scheduler did between closing the outgoing thread's account and the switch
  // is the outgoing thread's in the log and nobody's in the kernel.
  const std::vector<int64_t>& unexplained_ns() const { return unexplained_ns_; }

  uint64_t matched() const { return matched_; }  // switches that both told of, idle ones included
  uint64_t hidden() const { return hidden_; }    // of them, slices that one side does not know
  // By the account, run time in slices of which the log knows no more than that it does not know.
  const absl::flat_hash_map<ThreadKey, int64_t>& hidden_run_ns() const { return hidden_run_ns_; }
  uint64_t different() const { return different_; }  // of them, those where the two name different threads
  // Told by one side alone, after the first that both told.
  uint64_t log_only() const { return log_only_; }
  uint64_t account_only() const { return account_only_; }
  // The worst slice: the thread's number, its length by the account.
  uint32_t worst_tid() const { return worst_tid_; }
  int64_t worst_run_ns() const { return worst_run_ns_; }

 private:
  struct Cpu {
    bool in_step = false;  // a switch has been matched: what is missing from now on is missing
    std::deque<SliceEnd> log;
    std::deque<SliceEnd> account;
  };
  void Join(Cpu& cpu);
  void Compare(const SliceEnd& log, const SliceEnd& account);

  std::vector<Cpu> cpus_;
  std::vector<int64_t> errors_ns_;
  std::vector<int64_t> unexplained_ns_;
  absl::flat_hash_map<ThreadKey, int64_t> hidden_run_ns_;
  uint64_t matched_ = 0;
  uint64_t hidden_ = 0;
  uint64_t different_ = 0;
  uint64_t log_only_ = 0;
  uint64_t account_only_ = 0;
  uint32_t worst_tid_ = 0;
  int64_t worst_run_ns_ = 0;
  int64_t worst_error_ns_ = -1;
};

}  // namespace vrapl
