#include "probe/updates.h"

#include <thread>
#include <vector>

#include "base/measure_updates.h"
#include "sampler/real_time.h"

namespace vrapl {
namespace {

constexpr uint64_t kEnoughEdges = 4;

bool PackageMoved(const EnergySource& source, const std::vector<UpdateSummary>& updates) {
  for (size_t i = 0; i < updates.size(); ++i) {
    if (source.package().domains[i].id.domain == RaplDomain::kPackage) return updates[i].edges >= kEnoughEdges;
  }
  return true;
}

}  // namespace

std::map<DomainId, UpdateFindings> FindUpdates(EnergySource& source, const UpdateOptions& options) {
  std::vector<UpdateSummary> updates;
  absl::Duration polled = options.poll;
  // A thread of its own, so that ours is not left pinned. An emulated package's CPUs may not exist here: then anywhere.
  std::thread([&] {
    (void)PinToCpu(source.package().reader_cpu);
    updates = MeasureUpdates(source, *options.clock, polled);
    if (PackageMoved(source, updates)) return;
    polled = options.patience;
    updates = MeasureUpdates(source, *options.clock, polled);
  }).join();
  std::map<DomainId, UpdateFindings> found;
  for (size_t i = 0; i < updates.size(); ++i) {
    found[source.package().domains[i].id] = {.summary = updates[i], .polled_ns = absl::ToInt64Nanoseconds(polled)};
  }
  return found;
}

}  // namespace vrapl
