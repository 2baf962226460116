// A short look at all counters before a run: how often each updates, and which of them stands still.
#pragma once

#include <memory>
#include <vector>

#include "absl/types/span.h"
#include "base/clock.h"
#include "base/energy_source.h"
#include "base/update_edges.h"

namespace vrapl {

// Polls all sources side by side, each from its own CPU: 200 ms, or 3 s where that shows too few updates (emulated
// counters of virtual machines move once a second); where no period was found, up to 0.1 s more at real-time priority.
// One entry per source and domain.
std::vector<std::vector<UpdateSummary>> MeasureAtStart(absl::Span<const std::unique_ptr<EnergySource>> sources,
                                                       const Clock& clock);

// The index-th domain did not move while its package's counter did, and is of a kind that draws power at all times:
// memory, or the platform. Such a counter is not connected to anything. An idle graphics unit may well draw none.
// `updates`: of that package; empty where nothing was measured, and then nothing stands still.
bool StandsStill(const PackageInfo& package, size_t index, absl::Span<const UpdateSummary> updates);

}  // namespace vrapl
