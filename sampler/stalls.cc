#include "sampler/stalls.h"

#include <algorithm>
#include <utility>

namespace vrapl {

void Stalls::Add(const SampleHeader& header) {
  const int64_t late_ns = header.late_ns;
  if (late_ns < period_ns_ && late_ns < kStallNs) return;
  const int64_t stolen_ns = std::clamp<int64_t>(header.time.stolen_ns, 0, late_ns);
  const int64_t missed = late_ns / period_ns_;
  summary_.missed += static_cast<uint64_t>(missed);
  summary_.missed_stolen += static_cast<uint64_t>(missed - (late_ns - stolen_ns) / period_ns_);
  if (late_ns < kStallNs) return;
  const Stall stall{.t_ns = header.t_ns - header.skew_ns / 2 - late_ns, .late_ns = late_ns, .stolen_ns = stolen_ns};
  ++summary_.stalls;
  summary_.late_ns += late_ns;
  summary_.stolen_ns += stolen_ns;
  if (late_ns > summary_.longest.late_ns) summary_.longest = stall;
  if (new_.size() < kMostKept) new_.push_back(stall);
}

std::vector<Stall> Stalls::TakeNew() { return std::exchange(new_, {}); }

}  // namespace vrapl
