// What the counters counted while vrapl was not running: `serve --state=FILE` keeps over a restart where they stood,
// and the first flush says what is nobody's since then.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/energy_source.h"

namespace vrapl {

// Where the counters of a host stood at one instant, and what they have to be to be compared with others.
struct CounterState {
  std::string boot_id;  // a reboot sets counters back
  std::string backend;
  std::string host_root;  // an emulated host is another host
  int64_t boottime_ns = 0;
  bool running = false;  // the run that wrote it went on
  struct Counter {
    int package_id = 0;
    int die_id = 0;
    DomainId domain;
    uint64_t raw = 0;
    uint64_t wrap_ticks = 0;
    double unit_uj = 0;
  };
  std::vector<Counter> counters;  // those that can be peeked at
};

// Of one counter. energy_uj is absent where `why_unknown` says why.
struct Unobserved {
  int package_id = 0;
  int die_id = 0;
  DomainId domain;
  int64_t ns = 0;  // since the state was written
  std::optional<int64_t> energy_uj;
  std::string why_unknown;
};

// Threads: whoever may read the sources. `now.running` is true.
CounterState ReadCounterState(const std::vector<std::unique_ptr<EnergySource>>& sources, const std::string& host_root);

// Of each counter of `now`, in its order. Pure. Unknown: after a reboot, after a run that did not end by itself, of a
// counter that was read otherwise, and after so long that it may have wrapped around more than once (at 2 kW a package,
// as GuardedCounter).
std::vector<Unobserved> UnobservedBetween(const CounterState& before, const CounterState& now);

// "package 0 package: 12.345 J in the 2.1 s in which vrapl did not run"
std::string DescribeUnobserved(const Unobserved& unobserved);

// JSON. nullopt: there is no file, or nothing of this version in it.
std::optional<CounterState> LoadCounterState(const std::string& path);
// Replaces the file as a whole. Errors: those of the directory and the disk.
absl::Status StoreCounterState(const CounterState& state, const std::string& path);

}  // namespace vrapl
