// Each VM's part of the idle rows, by an idle policy (attribution/idle_policy.h): of the counters that count in a VM's
// total, by the rows of one model. The rows themselves stay as they are: whose idle is, is said beside them.
//
// Threads: the flush thread.
#pragma once

#include <cstdint>
#include <map>
#include <tuple>
#include <vector>

#include "attribution/idle_policy.h"
#include "sampler/flush_report.h"

namespace vrapl {

class IdleShares {
 public:
  struct Sharer {
    int vm = 0;  // a number that stays the VM's until Retire()
    VmRun run;
    int vcpus = 0;
    int64_t on_ns = 0;  // as in IdleSharer
  };

  explicit IdleShares(IdlePolicy policy) : policy_(policy) {}

  // Microjoules of each VM in this flush, by its number. Their sums over time are those of whole ticks.
  std::map<int, int64_t> Settle(const ModelReport& model, const std::vector<Sharer>& sharers);

  // The VM is gone; what fraction of a tick it is owed goes back to the idle row.
  void Retire(int vm);

 private:
  struct Counter {
    explicit Counter(IdlePolicy policy) : settler(policy) {}
    IdleSettler settler;
    std::vector<uint64_t> ticks;  // cumulative, by VM
    std::vector<int64_t> told_uj;
  };

  IdlePolicy policy_;
  std::map<std::tuple<int, int, DomainId>, Counter> counters_;
};

}  // namespace vrapl
