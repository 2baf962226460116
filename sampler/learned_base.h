// Whether a base power that was learned says anything: one that is nearly all that a counter drew while CPUs were busy
// is most often the lack of a finding.
#pragma once

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "base/rapl_domain.h"
#include "sampler/flush_report.h"

namespace vrapl {

// Pure: reports in, words out. Threads: one at a time.
class LearnedBaseCheck {
 public:
  void Add(const FlushReport& report);
  // Of all reports so far: a line for each counter whose learned base is nearly all of what it drew.
  std::vector<std::string> Lines() const;

 private:
  struct Energy {
    double energy_uj = 0;
    double base_uj = 0;
    double seconds = 0;
  };
  struct CpuTime {
    double busy_ns = 0;
    double capacity_ns = 0;
  };
  std::map<std::tuple<int, int, DomainId>, Energy> counters_;  // while the base was known
  CpuTime all_;
  CpuTime second_;  // gathered until it is one
  double second_s_ = 0;
  double least_busy_ = 1;
  double most_busy_ = 0;
};

}  // namespace vrapl
