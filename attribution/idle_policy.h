// Who pays for the idle row. A model says what each VM's own running used; what the host draws whether or not anybody
// runs is a matter of policy, and any policy goes with any model.
//
// Pure integers: what is given out and what stays sums to what the idle row had, in ticks, always. No order of VMs
// matters; ticks that no rounding can divide go to the largest remainder, then to the smaller index, and what each was
// rounded by is carried to the next flush.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "attribution/sub_ticks.h"

namespace vrapl {

enum class IdlePolicy : uint8_t {
  kOwn,           // a row of its own, to nobody
  kProportional,  // to VMs by their energy in this flush
  kEqual,         // to each VM the same
  kVcpus,         // to VMs by how many vCPUs they are configured with
  kShapley,       // by what each adds to the need for a host that is on; see IdleParts()
};

absl::string_view IdlePolicyName(IdlePolicy policy);  // "own", "proportional", "equal", "vcpus", "shapley"
std::optional<IdlePolicy> IdlePolicyByName(absl::string_view name);
std::vector<std::string> IdlePolicyNames();

// A VM in one flush, on one counter.
struct IdleSharer {
  uint64_t ticks = 0;  // that its rows were charged
  int vcpus = 0;       // configured
  int64_t on_ns = 0;   // of the flush, for how long it was there: all of it, unless it started or stopped
};

// Of the idle row's ticks, in sub-ticks, the part of each; what is missing to the whole is nobody's and stays in the
// idle row: all of it under kOwn, or where there is no VM.
//
// Shapley's value is of this game: a set of VMs needs the host on for as long as any of them is there, and is worth the
// idle energy of that time. A moment's idle energy is then divided equally among those that were there at that moment
// (each is as likely as any other to be the one that came first and needed the host). VMs are taken to have been there
// up to the end of the flush if they were there for less than all of it, so with on-times sorted, the closed form is:
// the time between the k-th longest and the next is divided equally among the k. Time in which no VM was there stays.
std::vector<uint64_t> IdleParts(IdlePolicy policy, uint64_t idle_ticks, int64_t flush_ns,
                                absl::Span<const IdleSharer> sharers);

// Whole ticks of it, flush after flush.
class IdleSettler {
 public:
  explicit IdleSettler(IdlePolicy policy) : policy_(policy) {}

  // Ticks of each sharer; their sum is at most idle_ticks, and the rest stays in the idle row. A sharer keeps its index
  // from flush to flush; indices may be added at the end.
  std::vector<uint64_t> Settle(uint64_t idle_ticks, int64_t flush_ns, absl::Span<const IdleSharer> sharers);

  // The index will be another VM's: what it is owed goes back to the idle row.
  void Retire(size_t sharer) { settler_.MoveCarry(sharer + 1, 0); }

 private:
  IdlePolicy policy_;
  TickSettler settler_;  // its first row is what stays
};

}  // namespace vrapl
