// Measures how often and how evenly the counters of a source update, by reading them as fast as they can be read.
#pragma once

#include <vector>

#include "absl/time/time.h"
#include "base/clock.h"
#include "base/energy_source.h"
#include "base/update_edges.h"

namespace vrapl {

// Polls `source` for `duration`, which keeps one CPU busy. One entry per domain, in the order of package().domains; a
// domain without edges did not move. 200 ms give the period of a 1 ms counter with 20 us of jitter to
// some 100 ns.
//
// Threads: not while another thread reads `source`; best pinned to package().reader_cpu.
std::vector<UpdateSummary> MeasureUpdates(EnergySource& source, const Clock& clock, absl::Duration duration);

}  // namespace vrapl
