#include "base/measure_updates.h"

#include <memory>

namespace vrapl {

std::vector<UpdateSummary> MeasureUpdates(EnergySource& source, const Clock& clock, absl::Duration duration) {
  const size_t domains = source.package().domains.size();
  std::vector<UpdateEdges> edges(domains);
  const auto sample = std::make_unique<EnergySample>();
  const int64_t end_ns = clock.NowNs() + absl::ToInt64Nanoseconds(duration);
  while (clock.NowNs() < end_ns) {
    source.Read(*sample);
    for (size_t i = 0; i < domains; ++i) {
      if (sample->error[i] == 0) edges[i].AddRead(sample->before_ns, sample->after_ns, sample->ticks[i]);
    }
  }
  std::vector<UpdateSummary> summaries;
  summaries.reserve(domains);
  for (const UpdateEdges& tracker : edges) summaries.push_back(tracker.Summary());
  return summaries;
}

}  // namespace vrapl
