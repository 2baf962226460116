// What the windows of a recording add up to: energy and run time of each row, each counter and each package, and what
// was wrong. Threads: one at a time.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "sampler/flush_report.h"
#include "sampler/joined_error.h"

namespace vrapl {

// Whose energy: one start of a VM, or one of the kinds of row that are no VM.
struct Owner {
  RowKind kind = RowKind::kOther;
  VmRun vm;  // for kVm
  friend bool operator==(const Owner&, const Owner&) = default;
  friend bool operator<(const Owner& a, const Owner& b) {
    const auto key = [](const Owner& owner) {
      return std::tie(owner.kind, owner.vm.name, owner.vm.uuid, owner.vm.pid, owner.vm.start_time);
    };
    return key(a) < key(b);
  }
};

// One counter of one package or die.
struct CounterKey {
  int package_id = 0;
  int die_id = 0;
  DomainId domain;
  friend auto operator<=>(const CounterKey&, const CounterKey&) = default;
};

class RunTotals {
 public:
  struct Energy {
    uint64_t ticks = 0;
    int64_t energy_uj = 0;
    int64_t active_uj = 0;        // of the windows in which it was known
    int64_t active_known_uj = 0;  // energy_uj of those windows
    int64_t run_time_ns = 0;
    JoinedError error;  // of energy_uj; of a counter's, not of sums
  };
  // Of package and DRAM, by the model asked for: what a row used, without counting anything twice.
  struct OwnerTotal {
    Energy sum;
    std::map<CounterKey, Energy> counters;  // every counter, cores, uncore and psys too
    // 95 % of sum.energy_uj: errors of counters are added, since those of one package have the same sign.
    std::optional<int64_t> err_uj() const;
    std::optional<int64_t> idle_uj;  // of a VM: its part of the idle rows, beside sum; absent: it pays none
  };
  struct CounterTotal {
    CounterReport last;  // what it says since the start, and its last base power
    uint64_t ticks = 0;
    int64_t energy_uj = 0;
    int64_t dt_ns = 0;
    uint64_t read_errors = 0;
    uint64_t glitches = 0;
    int64_t unknown_ns = 0;
    int64_t fallback_ns = 0;  // charged by another model than the one asked for: its base power was not known yet
    std::map<Model, int64_t> stood_in_ns;  // fallback_ns, by the model that charged instead
    bool frozen = false;
  };

  // `most_models`: of those in the report, the first so many.
  void Add(const FlushReport& report, size_t most_models = SIZE_MAX);

  uint64_t windows() const { return windows_; }
  int64_t begin_ns() const { return begin_ns_; }  // of the first window
  int64_t end_ns() const { return end_ns_; }      // of the last
  const std::vector<Model>& models() const { return models_; }
  const std::map<Owner, OwnerTotal>& owners(size_t model = 0) const { return owners_[model]; }
  const std::map<CounterKey, CounterTotal>& counters(size_t model = 0) const { return counters_[model]; }
  // Package and DRAM of all packages, by the counters themselves.
  int64_t host_uj() const;
  const std::map<std::pair<int, int>, SamplerReport>& samplers() const { return samplers_; }  // the last of each
  int64_t capacity_ns() const { return capacity_ns_; }                                        // CPU time there was
  int64_t suspended_ns() const { return suspended_ns_; }                                      // of the first package
  const std::set<std::string>& problems() const { return problems_; }
  const FlushReport& last() const { return last_; }  // without its models and VMs

 private:
  uint64_t windows_ = 0;
  int64_t begin_ns_ = 0;
  int64_t end_ns_ = 0;
  std::vector<Model> models_;
  std::vector<std::map<Owner, OwnerTotal>> owners_;
  std::vector<std::map<CounterKey, CounterTotal>> counters_;
  std::map<std::pair<int, int>, SamplerReport> samplers_;
  int64_t capacity_ns_ = 0;
  int64_t suspended_ns_ = 0;
  std::set<std::string> problems_;
  FlushReport last_;
};

}  // namespace vrapl
