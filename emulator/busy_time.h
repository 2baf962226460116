// How long each CPU of this machine has been busy: what the power of load:... follows.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/posix.h"

namespace vrapl {

class BusyTime {
 public:
  virtual ~BusyTime() = default;

  virtual absl::string_view name() const = 0;

  // Nanoseconds that `cpu` ran threads from the source's creation to t_ns (CLOCK_MONOTONIC), time stolen from the
  // machine left out; never less than before. t_ns is now or a few milliseconds ago, and does not go backwards.
  // Threads: one at a time.
  virtual int64_t BusyNs(int cpu, int64_t t_ns) = 0;

  // Upkeep, to be called every upkeep_ns() or so, by any thread. BusyNs() must be called as often.
  virtual void Poll() {}
  virtual int64_t upkeep_ns() const = 0;
};

// From the per-CPU lines of /proc/stat: anywhere, but those count in ticks of 10 ms. Between two looks a CPU is taken
// to be as busy as it was lately, and what that gets wrong is put right in the next 30 ms; so the total never drifts.
class ProcStatBusyTime final : public BusyTime {
 public:
  // `path`: /proc/stat, or a test's file.
  static absl::StatusOr<std::unique_ptr<ProcStatBusyTime>> Create(absl::Span<const int> cpus,
                                                                  const std::string& path = "/proc/stat");

  absl::string_view name() const override { return "/proc/stat (10 ms ticks)"; }
  int64_t BusyNs(int cpu, int64_t t_ns) override;
  void Poll() override;
  int64_t upkeep_ns() const override { return 10'000'000; }

  // Takes the text of /proc/stat as it was at t_ns into account.
  absl::Status Observe(absl::string_view text, int64_t t_ns);

 private:
  // From `from_ns` on, busy_ns grows by rate_ppm nanoseconds per millisecond: a line of the estimate.
  struct Line {
    int64_t from_ns;
    int64_t busy_ns;
    int64_t rate_ppm;
    int64_t At(int64_t t_ns) const { return busy_ns + (t_ns - from_ns) * rate_ppm / 1'000'000; }
  };
  struct Cpu {
    int64_t first_not_busy_ns = 0;
    int64_t observed_ns = 0;  // busy time by the last observation
    int64_t lately_ppm = 0;   // how busy it was in the last observations
    std::vector<Line> lines;  // the last few, oldest first
    int64_t given_ns = 0;     // what BusyNs returned last
  };

  ProcStatBusyTime() = default;

  std::mutex mutex_;
  UniqueFd file_;
  int64_t tick_ns_ = 0;
  int64_t first_ns_ = 0;
  int64_t last_ns_ = 0;
  std::map<int, Cpu> cpus_;
};

}  // namespace vrapl
