// How often each counter of an open energy source is updated, and how much longer than usual one may have to wait to
// see.
#pragma once

#include <map>

#include "absl/time/time.h"
#include "base/clock.h"
#include "base/energy_source.h"
#include "probe/findings.h"

namespace vrapl {

struct UpdateOptions {
  absl::Duration poll = absl::Milliseconds(300);
  // How long to read on where the package's counter hardly moved in that time: an emulating hypervisor updates about
  // once a second.
  absl::Duration patience = absl::Seconds(3);
  const Clock* clock = &RealClock();
};

// Keeps a CPU busy meanwhile, that of the package where it can be had. Threads: not while another one reads `source`.
std::map<DomainId, UpdateFindings> FindUpdates(EnergySource& source, const UpdateOptions& options = {});

}  // namespace vrapl
