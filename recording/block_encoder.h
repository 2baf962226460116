// Turns samples, VMs and events into the content of blocks. Each block can be read without those before it: it says
// anew who the VMs and the threads in it are, and what its counters count from.
//
// Threads: one at a time (the flush thread).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/sample.h"
#include "base/thread_id.h"
#include "recording/records.h"

namespace vrapl {

class BlockEncoder {
 public:
  // period_ns: between samples, so that only the difference is stored.
  struct Package {
    int64_t start_ns = 0;
    std::vector<uint64_t> start_ticks;
    uint32_t cpus = 0;
  };
  BlockEncoder(int64_t period_ns, const std::vector<Package>& packages);

  // These run from here on.
  void SetVms(std::vector<RecordedVm> vms);

  // rows[i] says where sample.threads[i] was booked, by a number of the caller's; who is asked when a thread is new in
  // this block or its number has changed.
  struct Names {
    absl::FunctionRef<RecordedRow(int row)> row;
    absl::FunctionRef<std::string(const ThreadRun& thread)> comm;
  };
  void AddSample(int package, const Sample& sample, absl::Span<const int> rows, const Names& names);

  // t_ns: CLOCK_MONOTONIC.
  void AddEvent(int64_t t_ns, absl::string_view type, absl::string_view json);

  size_t bytes() const { return content_.size(); }
  bool empty() const { return samples_ == 0 && !any_event_; }
  int64_t first_ns() const { return first_ns_; }  // of the block under way
  int64_t last_ns() const { return last_ns_; }    // of the samples so far

  // The content so far; a new block begins.
  std::string TakeBlock();

 private:
  struct KnownThread {
    uint64_t block = 0;  // in which its number holds
    uint32_t number = 0;
    int row = -1;
    std::string comm;
  };
  struct PackageState {
    int64_t t_ns = 0;
    std::vector<uint64_t> ticks;
    uint32_t cpus = 0;
    uint64_t block = 0;  // in which it was introduced
  };

  void BeginBlock();
  void PutVms();
  void PutRow(const RecordedRow& row);
  uint32_t NumberOf(const ThreadRun& thread, int row, const Names& names);
  void PutTimes(const SampleHeader& header, int64_t dt_ns, const Sample& sample);

  const int64_t period_ns_;
  std::string content_;
  uint64_t block_ = 0;
  int64_t first_ns_ = 0;
  int64_t last_ns_ = 0;
  uint64_t samples_ = 0;
  bool any_event_ = false;
  uint32_t next_number_ = 0;
  std::vector<RecordedVm> vms_;
  std::vector<PackageState> packages_;
  absl::flat_hash_map<ThreadId, KnownThread> threads_;
  std::vector<uint32_t> numbers_;  // scratch
};

}  // namespace vrapl
