#include "sampler/measure_at_start.h"

#include <algorithm>
#include <thread>

#include "base/measure_updates.h"
#include "sampler/real_time.h"

namespace vrapl {
namespace {

constexpr absl::Duration kLook = absl::Milliseconds(200);
constexpr absl::Duration kShortLook = absl::Milliseconds(25);
constexpr int kLooksAgain = 4;
constexpr absl::Duration kLongLook = absl::Seconds(3);
// So many updates of the package's counter, and none of another: that one stands still.
constexpr uint64_t kEdgesToJudgeBy = 2;

const UpdateSummary* OfPackage(const PackageInfo& package, absl::Span<const UpdateSummary> updates) {
  for (size_t i = 0; i < updates.size(); ++i) {
    if (package.domains[i].id.domain == RaplDomain::kPackage) return &updates[i];
  }
  return nullptr;
}

// The package's counter moves, and no period was found: the thread was held up most of the time. A few periods at the
// priority that samples will have tell more than a second without. What else is known stays as it is.
void LookSharply(EnergySource& source, const Clock& clock, std::vector<UpdateSummary>& updates) {
  if (!UseRealTimePriority(kSamplerPriority).ok()) return;
  for (int again = 0; again < kLooksAgain; ++again) {
    const std::vector<UpdateSummary> sharp = MeasureUpdates(source, clock, kShortLook);
    for (size_t i = 0; i < sharp.size(); ++i) {
      if (updates[i].period_ns > 0 || sharp[i].period_ns == 0) continue;
      updates[i].period_ns = sharp[i].period_ns;
      updates[i].period_err_ns = sharp[i].period_err_ns;
      updates[i].jitter_ns = sharp[i].jitter_ns;
    }
    if (OfPackage(source.package(), updates)->period_ns > 0) return;
  }
}

}  // namespace

std::vector<std::vector<UpdateSummary>> MeasureAtStart(absl::Span<const std::unique_ptr<EnergySource>> sources,
                                                       const Clock& clock) {
  std::vector<std::vector<UpdateSummary>> updates(sources.size());
  std::vector<std::thread> threads;
  for (size_t i = 0; i < sources.size(); ++i) {
    threads.emplace_back([&source = *sources[i], &of_source = updates[i], &clock] {
      PinToCpu(source.package().reader_cpu).IgnoreError();  // from afar the reads are slower, no more
      of_source = MeasureUpdates(source, clock, kLook);
      const UpdateSummary* package = OfPackage(source.package(), of_source);
      if (package != nullptr && package->edges < kEdgesToJudgeBy) of_source = MeasureUpdates(source, clock, kLongLook);
      if (package != nullptr && package->edges >= kEdgesToJudgeBy && package->period_ns == 0)
        LookSharply(source, clock, of_source);
    });
  }
  for (std::thread& thread : threads) thread.join();
  return updates;
}

bool StandsStill(const PackageInfo& package, size_t index, absl::Span<const UpdateSummary> updates) {
  const RaplDomain domain = package.domains[index].id.domain;
  if (domain != RaplDomain::kDram && domain != RaplDomain::kPsys) return false;
  if (index >= updates.size() || updates[index].edges > 0) return false;
  const UpdateSummary* of_package = OfPackage(package, updates);
  return of_package != nullptr && of_package->edges >= kEdgesToJudgeBy;
}

}  // namespace vrapl
