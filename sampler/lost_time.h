// Time that is missing from a recording: its energy is known and is in the row unreported, who ran in it is not. What a
// window lacks is told with it, and whoever may have used that energy is as unsure as it is much.
//
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <vector>

#include "sampler/flush_report.h"

namespace vrapl {

class LostTime {
 public:
  // A sample that stands for time that is missing: it ends at t_ns (from the start of the run) and is of so many CPUs.
  void Add(int package_id, int die_id, int64_t t_ns, int64_t dt_ns, int64_t cpus);

  // Widens the intervals of all rows but stolen time, and of VMs, in whose window such a sample ends; what of them is
  // active is not known; and says so among the window's problems. Windows come in order.
  void Tell(FlushReport& report);

 private:
  struct Gap {
    int package_id;
    int die_id;
    int64_t t_ns;
    int64_t dt_ns;
    int64_t cpu_ns;
  };
  std::vector<Gap> gaps_;  // that no window has had yet
};

}  // namespace vrapl
