// Reads all energy sources side by side and judges whether they agree with one another and with common sense.
//
// For each counter that two sources have, energy is taken between the same two instants. What the two may differ by
// follows from how they are updated: at either end one of them may show an update that the other does not show yet, so
// the bound is the energy of two updates, and of the time between the reads, at the highest power seen. Differences
// that are known, and why, are taken off first; what is left beyond the bound is flagged.
//
// Run time is checked beside it, where asked for: the switch log against the kernel's own account of each thread.
//
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/energy_source.h"
#include "base/host_root.h"
#include "bpf/run_time_check.h"
#include "probe/findings.h"
#include "sampler/backend.h"

namespace vrapl {

// One counter as one source shows it.
struct CrossReading {
  std::string source;
  double joules = 0;
  double watts = 0;
  UpdateSummary updates;
  uint64_t failed_reads = 0;
};

// How one source's figure differs from the first's.
struct CrossDifference {
  std::string source;
  std::string reference;
  double difference = 0;  // joules / joules of the reference - 1
  double known = 0;       // the part of it that has a name
  double bound = 0;       // what updates and reads explain, either way, as a part of the reference
  std::string why;        // the name of the known part; or, when flagged, what it may be
  bool flagged = false;   // neither known nor explained
};

struct CrossDomain {
  int package_id = 0;
  int die_id = 0;
  DomainId id;
  std::vector<CrossReading> readings;        // in the order of the sources
  std::vector<CrossDifference> differences;  // of each but the first
};

// Something to know about the figures as a whole.
struct CrossRemark {
  std::string text;
  bool flagged = false;  // implausible, rather than just worth knowing
};

struct CrossCheck {
  bool emulated = false;
  double seconds = 0;
  std::vector<std::string> sources;   // that were read
  std::vector<std::string> left_out;  // "perf: why", of those that could not be
  std::vector<CrossDomain> domains;
  std::vector<CrossRemark> remarks;
  std::optional<RunTimeCheckReport> run_time;  // none where it was not asked for or cannot be: then it is in left_out

  bool Flagged() const;
};

struct CrossCheckOptions {
  absl::Duration duration = absl::Seconds(2);
  const Clock* clock = &RealClock();
  BackendOptions reading = {};                          // as a run would read
  bool run_time = false;                                // RunCrossCheck() only, and in real time
  std::function<void(absl::string_view step)> on_step;  // may be null
};

struct NamedSources {
  std::string name;
  std::vector<std::unique_ptr<EnergySource>> packages;
};

// `thermal_power` by package id, as far as known: power beyond twice of it is implausible.
CrossCheck CompareSources(std::vector<NamedSources>& sources, const std::map<int, ThermalPower>& thermal_power,
                          const CrossCheckOptions& options);

// The same with the sources of a host that `found` says are usable.
CrossCheck RunCrossCheck(const HostRoot& root, const ProbeFindings& found, const CrossCheckOptions& options = {});

}  // namespace vrapl
