// Each VM's part of the idle rows, by an idle policy (attribution/idle_policy.h): of the counters that count in a VM's
// total, by the rows of one model. The rows themselves stay as they are: whose idle is, is said beside them.
//
// Threads: the flush thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
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

  // Of a VM, in one flush.
  struct Part {
    int64_t energy_uj = 0;
    // 95 %: its part of what the idle rows' is; absent where one of theirs is not known. How the policy divides is no
    // measurement and adds nothing.
    std::optional<int64_t> err_uj = 0;
  };

  explicit IdleShares(IdlePolicy policy) : policy_(policy) {}

  // Of each VM in this flush, by its number. Sums of energies over time are those of whole ticks.
  // Each VM's part on each counter is put into `model` too (VmCounterReport::idle_uj).
  std::map<int, Part> Settle(ModelReport& model, const std::vector<Sharer>& sharers);

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
