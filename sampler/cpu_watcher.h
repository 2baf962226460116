// Notices CPUs that come online and go offline while a run goes on.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/cpu_model.h"
#include "base/host_root.h"
#include "base/posix.h"
#include "base/topology.h"

namespace vrapl {

class CpuWatcher {
 public:
  explicit CpuWatcher(HostRoot host_root);

  // The topology, when other CPUs are online than when this was last asked, or at the start. One small file is read.
  // What cannot be read is as it was: the next call tries again. Threads: one.
  std::optional<std::vector<PackageTopology>> Poll();

  // As last read; empty where it could not be.
  const std::vector<PackageTopology>& topology() const { return topology_; }

 private:
  std::string OnlineText();

  HostRoot host_root_;
  CpuVendor vendor_;
  UniqueFd online_file_;  // kept open: it is asked for twenty times a second
  std::string online_;    // the kernel's list, as text
  std::vector<PackageTopology> topology_;
};

// The CPUs of one package, or die, in a topology; of all its dies where die_id is -1. None when it has no CPU online.
std::vector<int> CpusOf(const std::vector<PackageTopology>& topology, int package_id, int die_id);

std::vector<int> AllCpus(const std::vector<PackageTopology>& topology);

// Those that the operator keeps clear, of all packages.
std::vector<int> KeptClear(const std::vector<PackageTopology>& topology);

}  // namespace vrapl
