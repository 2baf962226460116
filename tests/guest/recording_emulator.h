// An emulated host in the test's own process, which keeps every value that its registers were ever read as: what the
// reader of the registers saw is known to the tick.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "emulator/bpf_busy_time.h"
#include "emulator/emulated_host.h"
#include "emulator/host_fs.h"

namespace vrapl {

class RecordingEmulator {
 public:
  struct Options {
    std::string power = "load:20W+15W/cpu";  // of each package
    int packages = 1;
    std::optional<uint64_t> start_ticks;
  };
  // A Skylake server on a directory of its own.
  static absl::StatusOr<std::unique_ptr<RecordingEmulator>> Start(const Options& options);
  ~RecordingEmulator();
  RecordingEmulator(const RecordingEmulator&) = delete;
  RecordingEmulator& operator=(const RecordingEmulator&) = delete;

  const std::string& root() const { return directory_; }
  EmulatedHost& host() { return *host_; }

  struct ReadOut {
    int64_t t_ns = 0;  // CLOCK_MONOTONIC
    uint32_t ticks = 0;
  };
  // Every read of the energy status register at `address` on the CPUs of a package, in order.
  std::vector<ReadOut> Reads(int package, MsrAddress address) const;

 private:
  class Recorder;
  RecordingEmulator() = default;

  std::string directory_;
  std::unique_ptr<BpfBusyTime> busy_;
  std::unique_ptr<EmulatedHost> host_;
  std::unique_ptr<Recorder> recorder_;
  std::unique_ptr<HostFs> fs_;
  std::vector<int> package_of_cpu_;
  std::atomic<bool> stop_ = false;
  std::thread upkeep_;
};

// How a run of cumulative counts lies in the reads of one register.
struct Placement {
  bool found = false;
  size_t first = 0;           // the read that the counts start from
  std::vector<size_t> at;     // for each count, the read it ends with: value(at) - value(first) == count
  int64_t most_apart_ns = 0;  // how far the time between those two reads is from the time given, at most
};

// `counts[i]` ticks since the start of the run, at `t_ns[i]` after it. Found only if every count is, to the tick, the
// difference between one and the same first read and a later one, made at that time give or take `tolerance_ns`.
Placement PlaceInReads(const std::vector<RecordingEmulator::ReadOut>& reads, const std::vector<uint64_t>& counts,
                       const std::vector<int64_t>& t_ns, int64_t tolerance_ns = 5'000'000);

}  // namespace vrapl
