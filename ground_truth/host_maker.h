// Puts a made host together, VM by VM.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ground_truth/random.h"
#include "ground_truth/scenarios.h"

namespace vrapl {

class HostMaker {
 public:
  explicit HostMaker(uint64_t seed) : random_(seed) {}

  Random& random() { return random_; }
  double Draw(double low, double high) { return random_.Uniform(low, high); }

  // A package of these many cores, with what differs from machine to machine drawn.
  PackagePlan& AddPackage(int cores, int smt = 2);
  PackagePlan& package(size_t i = 0) { return host_.packages[i]; }

  // A VM of that many vCPUs, all alike, in that package. Gives the VM's row.
  int AddVm(int vcpus, const Work& work, const Demand& demand, size_t package = 0);
  // The same for a row that is there.
  void AddThreads(int row, int threads, const Work& work, const Demand& demand, size_t package = 0);

  // Adds what runs on every host: other processes, and vrapl itself.
  HostPlan Take();

 private:
  Random random_;
  HostPlan host_;
};

// Kinds of work. A seed draws how much of it.
Work Compute(HostMaker& maker);      // integer code out of its caches
Work WideVectors(HostMaker& maker);  // dense arithmetic: the most that a core can draw
Work MemoryBound(HostMaker& maker);  // waits for memory
Work Service(HostMaker& maker);      // requests: some of all

}  // namespace vrapl
