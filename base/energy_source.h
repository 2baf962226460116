// EnergySource: reads the energy counters of one package. msr, perf, powercap and hwmon each give one; the sampler
// knows no more.
#pragma once

#include <array>
#include <cerrno>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/rapl_domain.h"
#include "base/units.h"

namespace vrapl {

// Package-wide domains, and room for one domain per physical core of the largest AMD socket.
inline constexpr int kMaxDomains = 8 + 256;

struct DomainInfo {
  DomainId id;
  EnergyUnit unit;
  uint64_t wrap_ticks = uint64_t{1} << 32;  // the counter counts modulo this
  std::string origin;                       // register or file it is read from, for people
};

// A die_id: the counter covers every die of the package.
inline constexpr int kAllDies = -1;

// One package (or die) and where its counters are read.
struct PackageInfo {
  int package_id = 0;
  int die_id = 0;         // or kAllDies
  int reader_cpu = 0;     // the CPU whose register is read: pin the reader there and no interrupt crosses CPUs
  std::vector<int> cpus;  // CPUs that were online at the start, ascending: run time on these belongs to this package
  // No counters but readings of power, which the source integrates: every figure got from them must say so.
  bool power_based = false;
  std::vector<DomainInfo> domains;  // in the order of EnergySample::ticks
};

// What one read gave. Entry i belongs to PackageInfo::domains[i].
struct EnergySample {
  int64_t before_ns = 0;  // CLOCK_MONOTONIC just before the first counter was read
  int64_t after_ns = 0;   // and just after the last
  // Cumulative, widened across wraparound, counted from the source's creation. Unchanged where error[i] != 0.
  std::array<uint64_t, kMaxDomains> ticks{};
  // 0, or the errno of the failed read: a failed read is never a zero. ERANGE: the reading is a glitch. EOVERFLOW:
  // read, but what was used since the last good read is unknown; counting goes on from here (base/energy_counter.h).
  std::array<int32_t, kMaxDomains> error{};
};

class EnergySource {
 public:
  virtual ~EnergySource() = default;

  virtual absl::string_view backend() const = 0;  // "msr", "perf", "sysfs" or "hwmon"
  virtual const PackageInfo& package() const = 0;

  // Reads every domain once. Does not allocate, lock, log or wait. Fills the first domains.size() entries.
  // Threads: one at a time, preferably pinned to package().reader_cpu.
  virtual void Read(EnergySample& sample) = 0;

  // The counter of one domain as it stands, for comparison with another such reading and nothing else: not widened, not
  // judged, in no total. Returns 0 or an errno; ENOTSUP where a reading does not show when the counter moves. Does not
  // allocate, lock, log or wait. Threads: as Read().
  virtual int Peek(size_t domain, uint64_t& raw) {
    (void)domain, (void)raw;
    return ENOTSUP;
  }

  // Something happened that no counter tells of (the machine was suspended): the next good read of each domain is a new
  // start. It gives EOVERFLOW, and the energy up to it is unknown. Threads: as Read().
  virtual void StartAnew() = 0;

  // CPUs of the package came online or went offline: these are online now, the best to read on first (housekeeping
  // CPUs, base/housekeeping.h). A source that can read on any of them goes to the first; one whose kernel driver
  // chooses the CPU stays. package().cpus is as it was when the source was made. Does not allocate. Threads: as Read().
  virtual void CoverCpus(absl::Span<const int> cpus) { (void)cpus; }
};

}  // namespace vrapl
