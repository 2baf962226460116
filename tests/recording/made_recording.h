// Samples that no machine gave, of every shape that the format can hold, from a seed.
#pragma once

#include <map>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "recording/block_decoder.h"
#include "recording/block_encoder.h"
#include "recording/run_header.h"

namespace vrapl {

// A sample with its own memory.
struct MadeSample {
  int package = 0;
  SampleHeader header;
  std::vector<uint64_t> ticks;
  std::vector<int32_t> errors;
  std::vector<ThreadRun> threads;
  std::vector<int> rows;
  std::vector<CpuTime> cores;
  Sample sample() const {
    return {.header = header, .ticks = ticks, .errors = errors, .threads = threads, .cores = cores};
  }
};

inline RecordedRow MadeRow(int row) {
  if (row % 3 == 0) return {.kind = "vm", .vm = row % 2, .part = absl::StrCat("vcpu", row)};
  return {.kind = row % 3 == 1 ? "other" : "kernel", .vm = -1, .part = ""};
}
inline std::string MadeComm(const ThreadRun& thread) {
  return thread.tid % 5 == 0 ? "" : absl::StrCat("t", thread.tid);
}

inline std::vector<RecordedVm> MadeVms() {
  return {
      {.uuid = "6a1b", .name = "alpha, \"quoted\"", .pid = 41, .start_time = 7, .vcpus = {{0, 42}, {1, 43}}},
      {.uuid = "", .name = std::string("\xff\x00 odd", 6), .pid = 51, .start_time = ~uint64_t{0}, .running = false}};
}

// Two packages, of four domains and of two.
inline RunHeader MadeRunHeader() {
  RunHeader header{.vrapl_version = "0",
                   .source = "emulated",
                   .backend = "msr",
                   .period_ns = 1'000'000,
                   .flush_ns = 1'000'000'000,
                   .models = {"base-share"},
                   .base_power_w = {{RaplDomain::kPackage, 20}}};
  for (const size_t domains : {4, 2}) {
    RecordedPackage package;
    package.info.cpus = {0, 1};
    for (size_t i = 0; i < domains; ++i) {
      package.info.domains.push_back({.id = {static_cast<RaplDomain>(i)}, .unit = {6.1e-5}, .origin = "MSR 0x611"});
      package.start_ticks.push_back(i);
      package.updates.push_back({.reads = 9, .edges = 3});
    }
    header.packages.push_back(package);
  }
  return header;
}

// Packages' states go on from one call to the next.
class SampleMaker {
 public:
  SampleMaker(uint32_t seed, int64_t period_ns, std::vector<size_t> domains, int64_t start_ns = 1'000)
      : random_(seed), period_ns_(period_ns), domains_(std::move(domains)) {
    for (const size_t count : domains_) {
      BlockEncoder::Package package{.start_ns = start_ns, .cpus = 2};
      for (size_t i = 0; i < count; ++i) package.start_ticks.push_back(Wide());
      packages_.push_back(package);
    }
  }
  const std::vector<BlockEncoder::Package>& packages() const { return packages_; }

  MadeSample Next() {
    MadeSample made;
    made.package = static_cast<int>(Below(domains_.size()));
    State& state = states_.try_emplace(made.package, State{}).first->second;
    const auto index = static_cast<size_t>(made.package);
    if (state.t_ns == 0) state = {packages_[index].start_ns, packages_[index].start_ticks};
    SampleHeader& header = made.header;
    header.t_ns = state.t_ns + (Below(10) == 0 ? 1 + static_cast<int64_t>(Below(3'000'000'000))
                                               : period_ns_ - 500 + static_cast<int64_t>(Below(1'000)));
    header.dt_ns = header.t_ns - state.t_ns;
    header.skew_ns = static_cast<int64_t>(Below(5'000));
    header.late_ns = static_cast<int64_t>(Below(100'000));
    if (Below(50) == 0) header.suspended_ns = static_cast<int64_t>(Below(1'000'000'000'000));
    header.cpus = Below(40) == 0 ? static_cast<uint32_t>(Below(300)) : 2;
    header.flags = Below(30) == 0 ? static_cast<uint32_t>(Below(4)) : 0;
    const size_t threads = Below(20) == 0 ? Below(300) : Below(12);
    for (size_t i = 0; i < threads; ++i) AddThread(made);
    if (Below(8) == 0) header.time.irq_ns = static_cast<int64_t>(Below(10'000));
    if (Below(8) == 0) header.time.stolen_ns = static_cast<int64_t>(Below(1'000'000));
    if (Below(8) == 0) header.time.unreported_ns = static_cast<int64_t>(Below(1'000'000));
    for (const ThreadRun& thread : made.threads) header.time.run_ns += thread.run_ns;
    const CpuTime& time = header.time;
    header.time.idle_ns = header.dt_ns * header.cpus - time.run_ns - time.irq_ns - time.stolen_ns - time.unreported_ns;
    if (Below(60) == 0) header.time.idle_ns -= 17;  // times that do not close are stored as they are
    for (uint64_t& ticks : state.ticks) ticks += Below(4) == 0 ? 0 : Below(100) == 0 ? Wide() : Below(2'000);
    made.ticks = state.ticks;
    made.errors.assign(made.ticks.size(), 0);
    if (Below(25) == 0 && !made.errors.empty())
      made.errors[Below(made.errors.size())] = static_cast<int32_t>(Below(130));
    header.domains = static_cast<uint32_t>(made.ticks.size());
    header.threads = static_cast<uint32_t>(made.threads.size());
    if (Below(3) == 0) TellCores(made);
    state.t_ns = header.t_ns;
    return made;
  }

 private:
  struct State {
    int64_t t_ns = 0;
    std::vector<uint64_t> ticks;
  };
  void TellCores(MadeSample& made) {
    made.cores.resize(1 + Below(5));
    made.header.cores = static_cast<uint32_t>(made.cores.size());
    for (ThreadRun& thread : made.threads) {
      thread.core = static_cast<int32_t>(Below(made.cores.size() + 1)) - 1;
      if (thread.core >= 0) made.cores[static_cast<size_t>(thread.core)].run_ns += thread.run_ns;
    }
    for (CpuTime& time : made.cores) {
      if (Below(8) == 0) time.irq_ns = static_cast<int64_t>(Below(10'000));
      if (Below(8) == 0) time.stolen_ns = static_cast<int64_t>(Below(1'000'000));
      if (Below(8) == 0) time.unreported_ns = static_cast<int64_t>(Below(1'000'000));
      time.idle_ns = made.header.dt_ns * static_cast<int64_t>(Below(4)) - time.total_ns();
      if (Below(20) == 0) time.idle_ns -= 17;  // times that do not close are stored as they are
    }
  }
  void AddThread(MadeSample& made) {
    ThreadRun thread{.tid = static_cast<uint32_t>(Below(4) == 0 ? Below(1u << 22) : Below(40)), .tgid = 40};
    thread.start_ns = Below(3) == 0 ? 0 : thread.tid * 1'000'003ULL;
    if (thread.tid % 7 == 0) thread.task_flags = kTaskKernelThread;
    thread.run_ns = static_cast<int64_t>(Below(2'000'000));
    switch (Below(4)) {
      case 0:
        thread.solo_ns = thread.run_ns;
        break;
      case 1:
        break;
      case 2:
        thread.shared_ns = static_cast<int64_t>(Below(static_cast<uint64_t>(thread.run_ns) + 1));
        thread.solo_ns = thread.run_ns - thread.shared_ns;
        break;
      default:
        thread.shared_ns = thread.run_ns / 3;
        thread.solo_ns = thread.run_ns / 5;
    }
    made.threads.push_back(thread);
    made.rows.push_back(static_cast<int>(Below(10) == 0 ? Below(9) : thread.tid % 9));
  }
  uint64_t Below(uint64_t limit) { return limit == 0 ? 0 : random_() % limit; }
  uint64_t Wide() { return random_(); }

  std::mt19937_64 random_;
  const int64_t period_ns_;
  const std::vector<size_t> domains_;
  std::vector<BlockEncoder::Package> packages_;
  std::map<int, State> states_;
};

}  // namespace vrapl
