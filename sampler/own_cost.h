// What the sampling itself costs: CPU time and switches of this process, and the energy of the row "vrapl".
#pragma once

#include <cstdint>
#include <string>

#include "sampler/flush_report.h"

namespace vrapl {

// From when it is made on. Threads: the flush thread.
class OwnCostMeter {
 public:
  OwnCostMeter();

  void Add(const FlushReport& report);

  // Until now. Work in the kernel on behalf of the run that other threads do (the sched_switch program runs in whoever
  // switches) is not in it: `vrapl overhead` measures that.
  OwnCost cost() const;

 private:
  OwnCost total_;  // its energy; its times are those of the start
};

// "vrapl itself: ..." for a person, in one line, without its end.
std::string OwnCostText(const OwnCost& cost);

}  // namespace vrapl
