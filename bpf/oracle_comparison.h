// The switch log and the oracle side by side, live: each slice that the log's time lines settle against the kernel's
// own account of the same slice.
//
// Reads the log's memory only, so it may stand beside the CPU's RunTimeReader. Threads: one at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "bpf/run_time.h"
#include "bpf/run_time_oracle.h"
#include "bpf/slice_match.h"
#include "bpf/switch_log.h"

namespace vrapl {

class OracleComparison {
 public:
  // Both outlive this, and both have been attached before anything of interest ran.
  OracleComparison(const SwitchLog& log, RunTimeOracle& oracle, absl::Span<const int> cpus);

  // Takes in what both have told. Often enough that neither overruns: every few milliseconds.
  void Drain();

  // As Drain(), and slices() and the totals of accounts() count from now on.
  void Mark();

  // Threads that the log has on a CPU, as of the last Drain().
  std::vector<ThreadKey> Running() const;

  const SliceMatch& slices() const { return match_; }
  const ThreadAccounts& accounts() const { return accounts_; }
  uint64_t lost_records() const { return lost_records_; }

 private:
  struct Cpu {
    int cpu;
    uint64_t tail;
    ClockOffset offset;
    std::optional<CpuTimeline> timeline;
    switch_record last{};
    uint64_t records = 0;
    // CLOCK_MONOTONIC methods have no number of the kernel for a switch: theirs is the program's own, and the oracle's
    // is ahead of it by this.
    std::optional<uint32_t> number_ahead;
  };
  struct Told {
    SliceEnd end;
    uint32_t seen;
    uint64_t monotonic;
  };
  void DrainLog(Cpu& cpu);
  void Tell(Cpu& cpu, const switch_record& record);

  const SwitchLog& log_;
  RunTimeOracle& oracle_;
  std::vector<Cpu> cpus_;
  std::vector<std::vector<Told>> untold_;  // by CPU number: what the oracle said since the last Drain()
  ThreadAccounts accounts_;
  SliceMatch match_;
  RunTimeWindow window_;  // of one slice
  uint64_t lost_records_ = 0;
};

}  // namespace vrapl
