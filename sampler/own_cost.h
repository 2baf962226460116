// What the sampling itself costs: CPU time and switches of this process, and the energy of the row "vrapl".
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "sampler/flush_report.h"

namespace vrapl {

// From when it is made until End(): both beside the samples that the energy is counted between, or a short run would
// have the energy of one interval and the CPU time of another. Threads: the flush thread.
class OwnCostMeter {
 public:
  OwnCostMeter();

  void Add(const FlushReport& report);

  // The last sample was taken; what is done afterwards has no energy in any report.
  void End();

  // Until End(), else until now. Work in the kernel on behalf of the run that other threads do (the sched_switch
  // program runs in whoever switches) is not in it: `vrapl overhead` measures that.
  OwnCost cost() const;

 private:
  OwnCost total_;  // its energy; its times are those of the start
  std::optional<OwnCost> end_;
};

// "vrapl itself: ..." for a person, in one line, without its end.
std::string OwnCostText(const OwnCost& cost);

}  // namespace vrapl
