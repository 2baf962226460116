// How the samples of a package met the updates of its counter, when they were meant to (--align=edge). Told from the
// samples themselves.   Threads: the flush thread.
#pragma once

#include <cstdint>

#include "base/sample.h"

namespace vrapl {

// Since the start.
struct EdgeCounts {
  uint64_t at_edge = 0;
  uint64_t missed = 0;    // no update came, or the thread was held up when one did: at some instant in between
  uint64_t doubles = 0;   // of at_edge, those with the energy of several updates
  uint64_t empty = 0;     // in which the counter did not move
  uint64_t by_clock = 0;  // the counter had shown no updates for a while, or the thread had woken too late for them

  bool locked() const { return at_edge + missed > 0; }
};

class EdgeCounter {
 public:
  // `moved`: the package's counter did, since the sample before.
  void Add(const SampleHeader& header, bool moved) {
    counts_.by_clock += by_clock_before_ ? 1 : 0;
    by_clock_before_ = false;
    if ((header.flags & kSampleAtEdge) != 0) {
      ++counts_.at_edge;
      counts_.doubles += (header.flags & kSampleDouble) != 0 ? 1 : 0;
    } else if ((header.flags & kSampleMissedEdge) != 0) {
      ++counts_.missed;
    } else if (counts_.locked()) {
      by_clock_before_ = true;  // unless it is the last of the run, which comes when it ends
    } else {
      return;
    }
    counts_.empty += moved || by_clock_before_ ? 0 : 1;
  }

  const EdgeCounts& counts() const { return counts_; }

 private:
  EdgeCounts counts_;
  bool by_clock_before_ = false;
};

}  // namespace vrapl
