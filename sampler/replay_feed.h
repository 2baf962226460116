// The feed of a package in a replay: samples as a recording has them, each with the rows that its threads were booked
// in.
//
// Threads: one at a time.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sampler/package_feed.h"
#include "sampler/row_table.h"

namespace vrapl {

// Where a thread was booked, in words that outlive the block they stood in.
struct ReplayThread {
  RowKind kind = RowKind::kOther;
  VmRun vm;  // for kVm
  std::string part;
  std::optional<ThreadName> thread;  // when each thread is to have a row of its own
  // The row as last looked up, and when.
  mutable int row = -1;
  mutable uint32_t generation = 0;
};
using ReplayThreads = std::vector<std::shared_ptr<const ReplayThread>>;  // by ThreadRun::number

class ReplayFeed final : public PackageFeed {
 public:
  // `visiting` is set, while a sample is being visited, to its threads.
  ReplayFeed(PackageInfo info, int64_t start_ns, std::vector<uint64_t> start_ticks, const ReplayThreads*& visiting)
      : info_(std::move(info)), start_ns_(start_ns), start_ticks_(std::move(start_ticks)), visiting_(visiting) {}

  const PackageInfo& package() const override { return info_; }
  int64_t start_ns() const override { return start_ns_; }
  const std::vector<uint64_t>& start_ticks() const override { return start_ticks_; }
  SamplerCounts counts() const override { return counts_; }
  void SetCounts(const SamplerCounts& counts) { counts_ = counts; }

  // Offers one sample: `drain` is called for the books to take it. What they do not take, because another package has
  // to catch up first, is copied and waits.
  template <typename Drain>
  void Offer(const Sample& sample, const ReplayThreads& threads, Drain drain) {
    if (waiting_.empty()) {
      direct_ = &sample;
      threads_ = &threads;
      drain();
      if (std::exchange(direct_, nullptr) == nullptr) return;
    }
    waiting_.push_back(Copy(sample, threads));
    drain();
  }

  size_t waiting() const { return waiting_.size(); }

  bool Pop(absl::FunctionRef<void(const Sample&)> visit) override {
    if (!waiting_.empty()) {
      const Stored stored = std::move(waiting_.front());
      waiting_.pop_front();
      visiting_ = &stored.threads;
      visit(Sample{.header = stored.header,
                   .ticks = stored.ticks,
                   .errors = stored.errors,
                   .threads = stored.runs,
                   .cores = stored.cores});
      return true;
    }
    if (direct_ == nullptr) return false;
    visiting_ = threads_;
    visit(*std::exchange(direct_, nullptr));
    return true;
  }

 private:
  struct Stored {
    SampleHeader header;
    std::vector<uint64_t> ticks;
    std::vector<int32_t> errors;
    std::vector<ThreadRun> runs;
    std::vector<CpuTime> cores;
    ReplayThreads threads;
  };
  static Stored Copy(const Sample& sample, const ReplayThreads& threads) {
    Stored stored{.header = sample.header,
                  .ticks = {sample.ticks.begin(), sample.ticks.end()},
                  .errors = {sample.errors.begin(), sample.errors.end()},
                  .runs = {sample.threads.begin(), sample.threads.end()},
                  .cores = {sample.cores.begin(), sample.cores.end()}};
    for (ThreadRun& run : stored.runs) {
      stored.threads.push_back(threads[run.number]);
      run.number = static_cast<uint32_t>(stored.threads.size() - 1);
    }
    return stored;
  }

  const PackageInfo info_;
  const int64_t start_ns_;
  const std::vector<uint64_t> start_ticks_;
  SamplerCounts counts_;
  const Sample* direct_ = nullptr;
  const ReplayThreads* threads_ = nullptr;  // of *direct_
  const ReplayThreads*& visiting_;
  std::deque<Stored> waiting_;
};

}  // namespace vrapl
