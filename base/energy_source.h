// EnergySource: reads the energy counters of one package. msr and powercap each give one; the sampler knows no more.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
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

// One package (or die) and where its counters are read.
struct PackageInfo {
  int package_id = 0;
  int die_id = 0;
  int reader_cpu = 0;     // the CPU whose register is read: pin the reader there and no interrupt crosses CPUs
  std::vector<int> cpus;  // online CPUs of the package, ascending: run time on these belongs to this package
  std::vector<DomainInfo> domains;  // in the order of EnergySample::ticks
};

// What one read gave. Entry i belongs to PackageInfo::domains[i].
struct EnergySample {
  int64_t before_ns = 0;  // CLOCK_MONOTONIC just before the first counter was read
  int64_t after_ns = 0;   // and just after the last
  // Cumulative, widened across wraparound, counted from the source's creation. Unchanged where error[i] != 0.
  std::array<uint64_t, kMaxDomains> ticks{};
  std::array<int32_t, kMaxDomains> error{};  // 0, or the errno of the failed read: a failed read is never a zero
};

class EnergySource {
 public:
  virtual ~EnergySource() = default;

  virtual absl::string_view backend() const = 0;  // "msr" or "sysfs"
  virtual const PackageInfo& package() const = 0;

  // Reads every domain once. Does not allocate, lock, log or wait. Fills the first domains.size() entries.
  // Threads: one at a time, preferably pinned to package().reader_cpu.
  virtual void Read(EnergySample& sample) = 0;
};

}  // namespace vrapl
